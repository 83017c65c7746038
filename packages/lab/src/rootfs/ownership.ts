import { run } from '../parts/child.ts';

/** What `unshare` needs to be told for its program to be root of the lab's ids: nothing if the caller is root. */
export function asRootFlags(): string[] {
  return process.getuid?.() === 0 ? [] : ['--user', '--map-root-user', '--map-auto'];
}

/** A command that may give files to any user of the lab. */
export function asRootOfTheLab(program: string, ...args: string[]): [string, ...string[]] {
  const flags = asRootFlags();
  return flags.length === 0 ? [program, ...args] : ['unshare', ...flags, '--', program, ...args];
}

/** Removes folders that hold files of any user of the lab; what isn't there is no error. */
export async function removeOwnedByTheLab(...paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  // Cleaning up is done even when everything else is being aborted.
  const signal = new AbortController().signal;
  const { code, stderr } = await run({ argv: asRootOfTheLab('rm', '-rf', '--', ...paths), signal });
  if (code !== 0) throw new Error(`${paths.join(', ')} could not be removed: ${stderr}`);
}
