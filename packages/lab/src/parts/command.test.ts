import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addPartsCommands, describeStatus } from './command.ts';
import { type FakeWorld, fakeWorld, removeWorld } from './fake-world.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = await fakeWorld();
});
afterEach(() => removeWorld(world));

/** Runs `lab parts …` against the fake world's empty cache and gives back what it printed. */
async function labParts(...words: string[]): Promise<string> {
  const stdout = new PassThrough();
  const program = new Command('lab').exitOverride().configureOutput({ writeErr: () => undefined });
  const { signal } = new AbortController();
  addPartsCommands(
    program,
    { stdout, stderr: new PassThrough().resume(), env: {}, cwd: world.root, signal },
    world.cacheDir,
  );
  await program.parseAsync(['parts', ...words], { from: 'user' });
  stdout.end();
  return text(stdout);
}

describe('lab parts', () => {
  it('says that nothing is there yet and how to make it', async () => {
    expect(await labParts()).toMatch(
      /^parts \w{16} of this version .* are not in .*: `lab parts build` makes them\n$/,
    );
  });

  it('gives programs the status as JSON', async () => {
    expect(JSON.parse(await labParts('status', '-o', 'json'))).toMatchObject({ current: null, others: [] });
  });

  it('refuses a format that it does not have', async () => {
    await expect(labParts('status', '-o', 'yaml')).rejects.toThrow('Allowed choices are json');
  });

  it('refuses to export what is not there', async () => {
    await expect(labParts('export', 'parts.tar.zst')).rejects.toThrow('There are no parts of this version');
  });

  it('takes file names from the folder that the user is in', async () => {
    await expect(labParts('import', 'parts.tar.zst')).rejects.toThrow(
      `${world.root}/parts.tar.zst can't be read`,
    );
  });

  it('has nothing to remove from an empty cache', async () => {
    expect(await labParts('prune')).toBe('nothing to remove\n');
  });
});

describe('describeStatus', () => {
  it('names versions, sizes and whoever is at work', () => {
    const build = {
      key: '0123456789abcdef',
      dir: '/cache/parts/0123456789abcdef',
      made: '2026-01-02T03:04:05.000Z',
      bytes: 947_800_000,
      versions: { etcd: '3.6.8', envoy: '1.40.0' },
    };
    const building = { pid: 42, since: '2026-01-02T03:00:00.000Z' };
    const status = { folder: '/cache/parts', key: build.key, current: build, others: [build], building };
    expect(describeStatus(status).split('\n')).toEqual([
      '/cache/parts/0123456789abcdef: 948 MB, made 2026-01-02, etcd 3.6.8, envoy 1.40.0',
      '/cache/parts/0123456789abcdef: 948 MB, made 2026-01-02, etcd 3.6.8, envoy 1.40.0, of another version of the lab',
      'process 42 has been making parts since 2026-01-02T03:00:00.000Z',
    ]);
  });
});
