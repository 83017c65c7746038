import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildParts } from './build.ts';
import { findBuild, finishBuild, listBuilds, lockPath, partsFolder, startBuild } from './cache.ts';
import { waitingFor, withLock } from './lock.ts';
import { useGivenParts } from './override.ts';
import { type PartsProgress, type Reporter, reporting } from './progress.ts';
import { MODULE_FOLDER, type Recipe, readRecipe } from './recipe.ts';

/** The programs and files that a lab is made of, ready to use. */
export interface Parts {
  /** The folder that holds `bin/` and `share/`. */
  readonly dir: string;
  /** Absolute path of a program, e.g. `bin('kube-apiserver')`. */
  bin(name: string): string;
  /** Absolute path of another file, e.g. `share('istio/envoy_bootstrap.json')`. */
  share(path: string): string;
  /** Component → the version it reports: kubernetes, etcd, istio, envoy, coredns. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface EnsurePartsOptions {
  /** Meshlift's folder in the user's cache, `$XDG_CACHE_HOME/meshlift`; the parts lie in `parts/` under it. */
  readonly cacheDir: string;
  /** The value of MESHLIFT_PARTS: a folder with parts of the user's own, used instead of building. */
  readonly override?: string | undefined;
  /** Called at least once a second from the moment that it is clear that something must be made. */
  readonly progress: (progress: PartsProgress) => void;
  /** Ends what is running, leaves the cache as it was and makes the promise reject with the signal's reason. */
  readonly signal: AbortSignal;
  /** Another Go module than the lab's own, in tests. */
  readonly moduleFolder?: string;
}

/**
 * The parts of this version of the lab: from the cache, or made now (minutes the first time).
 *
 * Safe to call from several processes at once: one makes the parts, the others wait for it. Interrupted, even by
 * SIGKILL, it leaves nothing that would be taken for complete, and goes on from Go's own cache the next time.
 *
 * Rejects with a PartsError that says what to do.
 */
export async function ensureParts(options: EnsurePartsOptions): Promise<Parts> {
  const { cacheDir, override, signal, moduleFolder = MODULE_FOLDER } = options;
  signal.throwIfAborted();
  const recipe = await readRecipe(moduleFolder);
  if (override !== undefined && override !== '') {
    const given = await useGivenParts(override, recipe, signal);
    return partsIn(given.dir, given.versions);
  }
  const cached = await findBuild(cacheDir, recipe.key);
  if (cached !== null) return partsIn(cached.dir, cached.manifest.versions);
  return reporting(options.progress, (reporter) => makeParts(recipe, { ...options, moduleFolder }, reporter));
}

async function makeParts(
  recipe: Recipe,
  { cacheDir, signal, moduleFolder }: EnsurePartsOptions & { moduleFolder: string },
  reporter: Reporter,
): Promise<Parts> {
  await mkdir(partsFolder(cacheDir), { recursive: true });
  return withLock(
    lockPath(cacheDir),
    signal,
    (holder) => reporter.doing(waitingFor(holder)),
    async () => {
      // Whoever held the lock may have made just these.
      const made = await findBuild(cacheDir, recipe.key);
      if (made !== null) return partsIn(made.dir, made.manifest.versions);
      const older = await listBuilds(cacheDir);
      const folder = await startBuild(cacheDir);
      try {
        const { versions } = await buildParts({
          recipe,
          moduleFolder,
          cacheDir,
          folder,
          older,
          reporter,
          signal,
        });
        return partsIn(await finishBuild(cacheDir, folder, recipe.key), versions);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    },
  );
}

function partsIn(dir: string, versions: Readonly<Record<string, string>>): Parts {
  return { dir, versions, bin: (name) => join(dir, 'bin', name), share: (path) => join(dir, 'share', path) };
}
