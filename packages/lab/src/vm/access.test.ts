import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../parts/child.ts';
import { sshAccess } from './access.ts';

describe('access by ssh', { timeout: 30_000 }, () => {
  let folder: string;
  beforeEach(async () => {
    // Spaces and percent signs are what ssh's configuration trips over.
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'vm-access-')), 'a 100% folder');
  });
  afterEach(() => rm(path.dirname(folder), { recursive: true, force: true }));

  async function effective(config: string, host: string): Promise<Map<string, string>> {
    const { stdout, stderr, code } = await run({
      argv: ['ssh', '-G', '-F', config, host],
      signal: AbortSignal.timeout(10_000),
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return new Map(
      stdout.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
  }

  it('is understood by ssh, which then uses this key, this known host and nothing else', async () => {
    const access = await sshAccess({ name: 'vm', stateDir: folder, port: 40022 });
    const options = await effective(access.config, access.host);
    expect(Object.fromEntries(options)).toMatchObject({
      hostname: '127.0.0.1',
      port: '40022',
      user: 'admin',
      identitiesonly: 'yes',
      identityagent: 'none',
      stricthostkeychecking: 'true',
      hostkeyalias: 'vm',
      passwordauthentication: 'no',
      globalknownhostsfile: '/dev/null',
    });
    expect(options.get('identityfile')).toBe(access.identityFile.replace('%', '%%'));
  });

  it('lets nobody else read the files', async () => {
    const access = await sshAccess({ name: 'vm', stateDir: folder, port: 1 });
    for (const file of [access.config, access.knownHosts, access.identityFile])
      expect((await stat(file)).mode & 0o777, file).toBe(0o600);
    expect((await stat(path.dirname(access.config))).mode & 0o777).toBe(0o700);
  });

  it('keeps its keys when the port changes', async () => {
    const first = await sshAccess({ name: 'vm', stateDir: folder, port: 1 });
    const key = await readFile(first.identityFile, 'utf8');
    const known = await readFile(first.knownHosts, 'utf8');
    const second = await sshAccess({ name: 'vm', stateDir: folder, port: 2 });
    expect(await readFile(second.identityFile, 'utf8')).toBe(key);
    expect(await readFile(second.knownHosts, 'utf8')).toBe(known);
    expect(await readFile(second.config, 'utf8')).toContain('Port 2\n');
  });

  it('has keys of its own for every lab', async () => {
    const one = await sshAccess({ name: 'vm', stateDir: path.join(folder, 'one'), port: 1 });
    const two = await sshAccess({ name: 'vm', stateDir: path.join(folder, 'two'), port: 1 });
    expect(await readFile(one.identityFile, 'utf8')).not.toBe(await readFile(two.identityFile, 'utf8'));
    expect(await readFile(one.knownHosts, 'utf8')).not.toBe(await readFile(two.knownHosts, 'utf8'));
  });
});
