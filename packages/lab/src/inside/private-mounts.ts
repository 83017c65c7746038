import { mkdir, readdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from '../supervisor/run-program.ts';

/**
 * Folders in which programs insist on fixed paths, with what of the host's must not be seen there: the
 * network namespaces' names are the lab's own, the container logs and the kubelet's plugins too.
 */
const PRIVATE: Readonly<Record<string, readonly string[]>> = {
  '/run': ['mount', 'netns', 'xtables.lock'],
  '/var/log': ['containers', 'pods'],
  '/var/lib': ['kubelet'],
};

/** Where the folders that are covered can still be reached. */
const HOST = '/run/lab-host';

/**
 * Gives this mount namespace its own `/run`, `/var/log` and `/var/lib`, so that nothing that is made there
 * appears on the host. What the host has there shows through: home, cache and state folders may lie in them.
 */
export async function makePrivateMounts(): Promise<void> {
  await runProgram(['mount', '--make-rprivate', '/']);
  // The covered folders are kept on a file system of their own, since /run itself gets covered.
  await runProgram(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'lab', '/mnt']);
  for (const path of Object.keys(PRIVATE)) {
    const kept = join('/mnt', basename(path));
    await mkdir(kept);
    await runProgram(['mount', '--rbind', path, kept]);
    await runProgram(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'lab', path]);
  }
  await mkdir(HOST);
  await runProgram(['mount', '--move', '/mnt', HOST]);
  for (const [path, own] of Object.entries(PRIVATE)) {
    const kept = join(HOST, basename(path));
    for (const entry of await readdir(kept)) {
      if (!own.includes(entry)) await symlink(join(kept, entry), join(path, entry));
    }
  }
  await mkdir('/run/netns');
}
