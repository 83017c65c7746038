import { spawn } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../plan/state-folder.ts';

/** Removes a lab's state folder. */
export function removeStateFolder(path: string, userNamespace: boolean): Promise<void> {
  return remove([path], userNamespace);
}

/** Empties a state folder for a new lab, but for the log of the process that is doing so. */
export async function clearLeftovers(state: StateFolder, userNamespace: boolean): Promise<void> {
  const left = (await readdir(state.path)).map((name) => join(state.path, name));
  await remove(
    left.filter((path) => path !== state.wardenLog),
    userNamespace,
  );
}

/**
 * In a lab of an ordinary user some files belong to ids that only its user namespace knows, so the
 * removing happens in one like it.
 */
async function remove(paths: readonly string[], userNamespace: boolean): Promise<void> {
  if (!userNamespace) {
    await Promise.all(paths.map((path) => rm(path, { recursive: true, force: true })));
    return;
  }
  if (paths.length === 0) return;
  const argv = [
    '--user',
    '--map-root-user',
    '--map-auto',
    '--',
    'rm',
    '-rf',
    '--one-file-system',
    '--',
    ...paths,
  ];
  await new Promise<void>((resolve, reject) => {
    const child = spawn('unshare', argv, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`cannot remove ${paths.join(', ')}: rm ended with exit code ${code}`)),
    );
  });
}
