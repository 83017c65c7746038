import { run } from '../parts/child.ts';

/**
 * Puts before a command what lets it give files to any user of the lab: nothing for root, a user namespace with the
 * caller's subordinate ids for anyone else.
 */
export function asRootOfTheLab(program: string, ...args: string[]): [string, ...string[]] {
  if (process.getuid?.() === 0) return [program, ...args];
  return ['unshare', '--user', '--map-root-user', '--map-auto', '--', program, ...args];
}

/** Removes folders that hold files of any user of the lab; what isn't there is no error. */
export async function removeOwnedByTheLab(...paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  // Cleaning up is done even when everything else is being aborted.
  const signal = new AbortController().signal;
  const { code, stderr } = await run({ argv: asRootOfTheLab('rm', '-rf', '--', ...paths), signal });
  if (code !== 0) throw new Error(`${paths.join(', ')} could not be removed: ${stderr}`);
}
