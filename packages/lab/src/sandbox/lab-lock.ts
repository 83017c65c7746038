import { access, readdir, stat } from 'node:fs/promises';
import { runProgram } from '../supervisor/run-program.ts';

/** The exit code of a command that did not get the lock; not one that the warden uses otherwise. */
export const LOCK_HELD = 75;

/** The command line that becomes `argv` while it holds the lock, or ends with LOCK_HELD when somebody else does. */
export function withLabLock(path: string, argv: readonly string[]): [string, ...string[]] {
  return ['flock', '--nonblock', '--no-fork', `--conflict-exit-code=${LOCK_HELD}`, path, ...argv];
}

/**
 * Whether this process, started by `withLabLock`, holds the lock that others will ask for. The file may have been removed
 * between being opened and being locked; whoever asks then gets a new one.
 */
export async function holdsLabLock(path: string): Promise<boolean> {
  const wanted = await fileAt(path);
  const names = await readdir('/proc/self/fd');
  const held = await Promise.all(names.map((name) => fileAt(`/proc/self/fd/${name}`)));
  return wanted !== null && held.includes(wanted);
}

/** What file a path leads to, by whatever name; null when it leads nowhere. */
async function fileAt(path: string): Promise<string | null> {
  return stat(path).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => null,
  );
}

/** Waits at most so long for the lock and removes its file; leaves it when somebody else still holds it then. */
export async function removeLabLock(path: string, waitSeconds: number): Promise<void> {
  // flock would make it, and the folder that it lies in may not be there.
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) return;
  await runProgram(['flock', `--wait=${waitSeconds}`, '--conflict-exit-code=0', path, 'rm', '-f', path]);
}
