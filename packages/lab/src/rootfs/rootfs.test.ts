import { chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isNotFound, run } from '../parts/child.ts';
import { asRootOfTheLab, removeOwnedByTheLab } from './ownership.ts';
import { ensureRootfs, findRootfs } from './rootfs.ts';

async function permitted(): Promise<boolean> {
  try {
    return (await run({ argv: asRootOfTheLab('true'), signal: AbortSignal.timeout(10_000) })).code === 0;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

// A stand-in for mmdebstrap writes a tiny archive: what is tested is everything around it.
describe.skipIf(!(await permitted()))('the root file system', { timeout: 20_000 }, () => {
  let folder: string;
  let told: string[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rootfs-'));
    told = [];
    vi.stubEnv('PATH', `${folder}/bin:${process.env.PATH}`);
    await mkdir(`${folder}/bin`);
    await mmdebstrap('make_archive');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await removeOwnedByTheLab(folder);
  });

  /** Puts a program in mmdebstrap's place. Its last argument is the archive to make. */
  async function mmdebstrap(body: string): Promise<void> {
    const script = `#!/bin/bash
      if [ "$1" = --version ]; then echo mmdebstrap 0; exit; fi
      archive="\${!#}"
      echo called >> ${folder}/calls
      make_archive() {
        local t=${folder}/made-$$
        mkdir -p $t/usr/bin $t/dev $t/run/x && echo > $t/usr/bin/tool && chmod 4755 $t/usr/bin/tool && echo > $t/dev/node
        tar -cf "$archive" -C $t --owner=100 --group=101 .
      }
      ${body}
    `;
    await writeFile(`${folder}/bin/mmdebstrap`, script);
    await chmod(`${folder}/bin/mmdebstrap`, 0o755);
  }

  const ensure = (signal = AbortSignal.timeout(15_000)) =>
    ensureRootfs({ cacheDir: `${folder}/cache`, progress: (line) => told.push(line), signal });
  const calls = async () => (await readFile(`${folder}/calls`, 'utf8')).split('\n').length - 1;
  const kept = async () => (await readdir(`${folder}/cache/rootfs`)).filter((name) => name !== 'lock');

  it('keeps modes, setuid bits and owners, and leaves devices and what a boot makes to others', async () => {
    const tree = await ensure();
    const tool = await stat(`${tree}/usr/bin/tool`);
    expect(tool.mode & 0o7777).toBe(0o4755);
    const seen = await run({
      argv: asRootOfTheLab('stat', '-c', '%u:%g', `${tree}/usr/bin/tool`),
      signal: AbortSignal.timeout(5_000),
    });
    expect(seen.stdout.trim()).toBe('100:101');
    expect(await readdir(`${tree}/dev`)).toEqual([]);
    expect(await readdir(`${tree}/run`)).toEqual([]);
  });

  it('is made once and then found', async () => {
    expect(await findRootfs(`${folder}/cache`)).toBeNull();
    const tree = await ensure();
    expect(await ensure()).toBe(tree);
    expect(await findRootfs(`${folder}/cache`)).toBe(tree);
    expect(await calls()).toBe(1);
    expect(await kept()).toEqual([path.basename(tree)]);
  });

  it('is made once for two who want it at the same time, and the second is told why it waits', async () => {
    await mmdebstrap('sleep 1; make_archive');
    const [one, two] = await Promise.all([ensure(), ensure()]);
    expect(two).toBe(one);
    expect(await calls()).toBe(1);
    expect(told).toContain('root file system: another process is making it; waiting for it');
  });

  it('tells what mmdebstrap is doing', async () => {
    await mmdebstrap(
      'echo "I: downloading packages with apt..." >&2; echo "I: not worth a word" >&2; make_archive',
    );
    await ensure();
    expect(told).toEqual([
      expect.stringContaining('making Debian'),
      'root file system: downloading packages with apt',
      'root file system: unpacking it',
      expect.stringMatching(/made in \d+ s/),
    ]);
  });

  it('leaves nothing behind when it is interrupted, and can be made afterwards', async () => {
    await mmdebstrap('make_archive; sleep 60');
    const abort = new AbortController();
    const making = ensure(abort.signal);
    await vi.waitFor(async () => expect(await calls()).toBe(1), { timeout: 5_000 });
    abort.abort(new Error('Ctrl-C'));
    await expect(making).rejects.toThrow('Ctrl-C');
    expect(await kept()).toEqual([]);
    await mmdebstrap('make_archive');
    await ensure();
    expect(await kept()).toHaveLength(1);
  });

  it('takes away what a killed process had begun', async () => {
    await mkdir(`${folder}/cache/rootfs/unfinished-0123/tree/usr`, { recursive: true });
    const tree = await ensure();
    expect(await kept()).toEqual([path.basename(tree)]);
  });

  it('says what went wrong, and what to do about it', async () => {
    await mmdebstrap('echo "E: the mirror is on fire" >&2; exit 25');
    await expect(ensure()).rejects.toThrow(
      /mmdebstrap ended with status 25[\s\S]*the mirror is on fire[\s\S]*Check that/,
    );
    expect(await kept()).toEqual([]);
  });

  it('names the command that installs what is missing', async () => {
    vi.stubEnv('PATH', `${folder}/empty`);
    // flock is looked for on the PATH, too.
    await mkdir(`${folder}/empty`);
    for (const tool of ['flock', 'sh', 'cat', 'rm', 'unshare', 'newuidmap'])
      await writeFile(`${folder}/empty/${tool}`, `#!/bin/bash\nPATH=/usr/bin:/bin exec ${tool} "$@"\n`, {
        mode: 0o755,
      });
    await expect(ensure()).rejects.toThrow(
      /lacks mmdebstrap[\s\S]*apt-get install -y --no-install-recommends mmdebstrap/,
    );
  });
});
