import { link, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { firstDifference, isKey, type Manifest, readManifest } from './manifest.ts';

/** Where builds lie under a cache folder: `<cacheDir>/parts/<key>/{bin,share,manifest.json}`. */
export function partsFolder(cacheDir: string): string {
  return join(cacheDir, 'parts');
}

export function lockPath(cacheDir: string): string {
  return join(partsFolder(cacheDir), 'lock');
}

/** Names of folders that are being filled; complete ones have only hexadecimal digits. */
const UNFINISHED = '.unfinished-';

/** A complete build in the cache. */
export interface CachedBuild {
  readonly dir: string;
  readonly manifest: Manifest;
}

/** The build with this key, if the cache has it and none of its files was removed or cut short. */
export async function findBuild(cacheDir: string, key: string): Promise<CachedBuild | null> {
  const dir = join(partsFolder(cacheDir), key);
  const manifest = await readManifest(dir);
  if (manifest === null || manifest.key !== key) return null;
  return (await firstDifference(dir, manifest)) === null ? { dir, manifest } : null;
}

/** Every complete build, the newest first. */
export async function listBuilds(cacheDir: string): Promise<CachedBuild[]> {
  const names = await readdir(partsFolder(cacheDir)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const builds = await Promise.all(names.filter(isKey).map((key) => findBuild(cacheDir, key)));
  return builds
    .filter((build) => build !== null)
    .sort((a, b) => b.manifest.made.localeCompare(a.manifest.made));
}

/**
 * Makes an empty folder to fill, and removes what builds that were interrupted have left.
 * The caller holds the lock: whatever is unfinished belongs to nobody.
 */
export async function startBuild(cacheDir: string): Promise<string> {
  const folder = partsFolder(cacheDir);
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const unfinished = await mkdtemp(join(folder, UNFINISHED));
  await mkdir(join(unfinished, 'bin'));
  return unfinished;
}

/** Puts a filled folder, manifest included, in its place in one step. The caller holds the lock. */
export async function finishBuild(cacheDir: string, unfinished: string, key: string): Promise<string> {
  const dir = join(partsFolder(cacheDir), key);
  await rm(dir, { recursive: true, force: true }); // one that lost a file, or there would be nothing to build
  await rename(unfinished, dir);
  return dir;
}

/**
 * Puts programs of older builds into `bin` (as links: they take no room twice). Those that the recipe would make
 * again just so are returned and need no build. The others are left under the names that Go gives its output:
 * it then sees by itself which of them it need not link anew, and it replaces files, never writes into them.
 */
export async function reusePrograms(
  older: readonly CachedBuild[],
  programs: readonly { readonly name: string; readonly key: string; readonly outputName: string }[],
  bin: string,
): Promise<Set<string>> {
  const reused = new Set<string>();
  for (const { name, key, outputName } of programs) {
    const same = older.find((build) => build.manifest.programs[name] === key);
    const any = same ?? older.find((build) => build.manifest.programs[name] !== undefined);
    if (any === undefined) continue;
    await link(join(any.dir, 'bin', name), join(bin, same === undefined ? outputName : name));
    if (same !== undefined) reused.add(name);
  }
  return reused;
}
