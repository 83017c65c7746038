import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exportParts, importParts } from './archive.ts';
import { partsFolder } from './cache.ts';
import { allPrograms, type FakeWorld, fakeWorld, removeWorld, seedBuild } from './fake-world.ts';
import { readManifest } from './manifest.ts';
import { ensureParts } from './parts.ts';
import { partsStatus, pruneParts } from './status.ts';

// Each starts dozens of programs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 30_000 });

const signal = new AbortController().signal;
const progress = () => {};
let world: FakeWorld;
let file: string;
let otherCache: string;

beforeEach(async () => {
  world = await fakeWorld();
  file = join(world.root, 'parts.tar.zst');
  otherCache = join(world.root, 'other');
});
afterEach(() => removeWorld(world));

function exporting() {
  return exportParts({ cacheDir: world.cacheDir, moduleFolder: world.moduleFolder, file, progress, signal });
}

function importing() {
  return importParts({ cacheDir: otherCache, moduleFolder: world.moduleFolder, file, progress, signal });
}

/** What is in a cache besides the lock. */
async function content(cacheDir: string): Promise<string[]> {
  return (await readdir(partsFolder(cacheDir))).filter((name) => name !== 'lock');
}

describe('parts that were exported', () => {
  it('are found on another machine after the import', async () => {
    const dir = await seedBuild(world, 'current', allPrograms);
    const exported = await exporting();
    expect(await importing()).toMatchObject({ key: exported.key, usable: true });
    const { moduleFolder } = world;
    const parts = await ensureParts({ cacheDir: otherCache, moduleFolder, progress, signal });
    expect(await readFile(parts.bin('kubelet'))).toEqual(await readFile(join(dir, 'bin/kubelet')));
    expect(await readManifest(parts.dir)).toEqual(await readManifest(dir));
  });

  it('are kept for what they have in common with another version of the lab', async () => {
    await seedBuild(world, 'current', allPrograms);
    await exporting();
    await writeFile(join(world.moduleFolder, 'coredns/main.go'), 'package main // newer');
    expect(await importing()).toMatchObject({ usable: false });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['was cut short', (bytes) => bytes.subarray(0, bytes.length / 2)],
    [
      'has a flipped bit',
      (bytes) => bytes.with(bytes.length / 2, (bytes[bytes.length / 2] ?? 0) ^ 1) as Buffer,
    ],
    ['is something else', () => Buffer.from('not an archive')],
    ['is empty', () => Buffer.alloc(0)],
  ])('change nothing when the file %s', async (_what, damage) => {
    await seedBuild(world, 'current', allPrograms);
    await exporting();
    const bytes = await readFile(file);
    await writeFile(file, damage(bytes.subarray(0, bytes.length - (bytes.length % 2))));
    await expect(importing()).rejects.toThrow(/parts\.tar\.zst can't be imported: .* Nothing was changed\./);
    expect(await content(otherCache)).toEqual([]);
  });

  it('change nothing when a file inside is not what the manifest says', async () => {
    const dir = await seedBuild(world, 'current', allPrograms);
    const text = await readFile(join(dir, 'bin/etcd'), 'utf8');
    await writeFile(join(dir, 'bin/etcd'), text.replace('etcd', 'evil')); // the same size
    await exporting();
    await expect(importing()).rejects.toThrow('bin/etcd has another checksum than its manifest says');
    expect(await content(otherCache)).toEqual([]);
  });
});

describe('exportParts', () => {
  it('leaves no file when there is nothing to export', async () => {
    await expect(exporting()).rejects.toThrow(/There are no parts of this version of the lab/);
    expect(await readdir(world.root)).not.toContain('parts.tar.zst');
  });
});

describe('partsStatus', () => {
  it('tells the build of this version from those of others', async () => {
    await seedBuild(world, 'current', allPrograms);
    await seedBuild(world, '00000000000000aa', allPrograms);
    const broken = await seedBuild(world, '00000000000000bb', allPrograms);
    await truncate(join(broken, 'bin/etcd'), 1);
    const status = await partsStatus(world.cacheDir, world.moduleFolder);
    expect(status.current?.key).toBe(status.key);
    expect(status.others.map(({ key }) => key)).toEqual(['00000000000000aa']);
    expect(status.building).toBeNull();
  });

  it('works where there is no cache yet, and makes none', async () => {
    expect(await partsStatus(otherCache, world.moduleFolder)).toMatchObject({
      current: null,
      others: [],
      building: null,
    });
    expect(await readdir(world.root)).not.toContain('other');
  });
});

describe('pruneParts', () => {
  it('removes the builds of other versions and keeps this one', async () => {
    await seedBuild(world, 'current', allPrograms);
    await seedBuild(world, '00000000000000aa', allPrograms);
    const removed = await pruneParts(world.cacheDir, signal, world.moduleFolder);
    expect(removed.map(({ key }) => key)).toEqual(['00000000000000aa']);
    expect(await content(world.cacheDir)).toEqual([
      (await partsStatus(world.cacheDir, world.moduleFolder)).key,
    ]);
  });
});
