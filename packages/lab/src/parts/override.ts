import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkPrograms, versionsOf } from './check.ts';
import { PartsError } from './errors.ts';
import type { Recipe } from './recipe.ts';
import { SHARED_FILES } from './share.ts';

export interface GivenParts {
  readonly dir: string;
  /** Component → version, as the given programs report it: they need not be the pinned ones. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Uses a folder with `bin/` and `share/`, laid out as in the cache, as it is. Every part must be there and run;
 * all that is wrong is told at once.
 */
export async function useGivenParts(
  folder: string,
  recipe: Recipe,
  signal: AbortSignal,
): Promise<GivenParts> {
  const dir = resolve(folder);
  const programs = checkPrograms(join(dir, 'bin'), recipe, signal);
  const shared = SHARED_FILES.map(([, , to]) => requireFile(join(dir, 'share', to)));
  const results = await Promise.allSettled([...programs, ...shared]);
  signal.throwIfAborted();
  const problems = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
  const unexpected = problems.find((problem) => !(problem instanceof PartsError));
  if (unexpected !== undefined) throw unexpected;
  if (problems.length > 0) {
    throw new PartsError(
      `MESHLIFT_PARTS names ${dir}, where ${problems.length} of ${results.length} files can't be used:\n` +
        problems.map((problem) => `  ${problem.message.split('\n')[0]}`).join('\n'),
      'Complete the folder (bin/ and share/, as `lab parts export` lays them out), or unset MESHLIFT_PARTS to build them.',
    );
  }
  return { dir, versions: versionsOf(await Promise.all(programs)) };
}

async function requireFile(path: string): Promise<void> {
  await access(path).catch(() => {
    throw new PartsError(`${path} can't be used: there is no such file.`, 'Put it there.');
  });
}
