import { rm } from 'node:fs/promises';
import type { CachedBuild } from './cache.ts';
import { findBuild, listBuilds, lockPath, partsFolder } from './cache.ts';
import { currentHolder, type LockHolder, withLock } from './lock.ts';
import { MODULE_FOLDER, readRecipe } from './recipe.ts';

export interface PartsStatus {
  /** The folder with all builds. */
  readonly folder: string;
  /** Names the parts of this version of the lab. */
  readonly key: string;
  /** The build of this version, or null if it has still to be made. */
  readonly current: BuildStatus | null;
  /** Builds of other versions of the lab. Programs that builds have in common take no room twice. */
  readonly others: readonly BuildStatus[];
  /** The process that is making or importing parts at this moment. */
  readonly building: LockHolder | null;
}

export interface BuildStatus {
  readonly key: string;
  readonly dir: string;
  /** ISO 8601. */
  readonly made: string;
  readonly bytes: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** What the cache has; changes nothing. */
export async function partsStatus(cacheDir: string, moduleFolder = MODULE_FOLDER): Promise<PartsStatus> {
  const { key } = await readRecipe(moduleFolder);
  const [current, all, building] = await Promise.all([
    findBuild(cacheDir, key),
    listBuilds(cacheDir),
    currentHolder(lockPath(cacheDir)),
  ]);
  return {
    folder: partsFolder(cacheDir),
    key,
    current: current && describeBuild(current),
    others: all.filter((build) => build.manifest.key !== key).map(describeBuild),
    building,
  };
}

/**
 * Removes the builds of other versions of the lab and gives them back. A lab of such a version that is running goes
 * on, but could not restart a part.
 */
export async function pruneParts(
  cacheDir: string,
  signal: AbortSignal,
  moduleFolder = MODULE_FOLDER,
): Promise<readonly BuildStatus[]> {
  const { others } = await partsStatus(cacheDir, moduleFolder);
  if (others.length === 0) return others;
  await withLock(
    lockPath(cacheDir),
    signal,
    () => {},
    async () => {
      for (const { dir } of others) await rm(dir, { recursive: true });
    },
  );
  return others;
}

function describeBuild({ dir, manifest }: CachedBuild): BuildStatus {
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  return { key: manifest.key, dir, made: manifest.made, bytes, versions: manifest.versions };
}
