import { chmod, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  describeFiles,
  firstDifference,
  type Manifest,
  parseManifest,
  readManifest,
  writeManifest,
} from './manifest.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshlift-manifest-'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/etcd'), 'etcd');
  await chmod(join(folder, 'bin/etcd'), 0o755);
});
afterEach(() => rm(folder, { recursive: true }));

async function manifest(): Promise<Manifest> {
  const files = await describeFiles(folder);
  return { key: 'k', goArch: 'amd64', made: '2026-01-01T00:00:00Z', versions: {}, programs: {}, files };
}

describe('a manifest', () => {
  it('is read as it was written, and does not describe itself', async () => {
    const written = await manifest();
    await writeManifest(folder, written);
    expect(await readManifest(folder)).toEqual(written);
    expect(Object.keys(await describeFiles(folder))).toEqual(['bin/etcd']);
    expect(written.files['bin/etcd']).toMatchObject({ bytes: 4, executable: true });
  });

  it('finds the file that is missing or was cut short', async () => {
    const described = await manifest();
    expect(await firstDifference(folder, described)).toBeNull();
    await truncate(join(folder, 'bin/etcd'), 2);
    expect(await firstDifference(folder, described)).toBe('bin/etcd');
    await rm(join(folder, 'bin/etcd'));
    expect(await firstDifference(folder, described)).toBe('bin/etcd');
  });

  it.each(['', '{"key": "a', 'null', '[]', '{"key": "a"}', '\0\0\0'])(
    'is not one when a power cut left %j',
    (text) => {
      expect(parseManifest(text)).toBeNull();
    },
  );

  it('is null where there is no folder', async () => {
    expect(await readManifest(join(folder, 'nowhere'))).toBeNull();
  });
});
