import { mkdir } from 'node:fs/promises';
import { runProgram } from '../supervisor/run-program.ts';

/**
 * Gives this mount namespace folders of its own where programs insist on fixed paths, so that nothing of
 * theirs appears on the host: /run (network namespaces' names, sockets) and /var/log (container logs).
 */
export async function makePrivateMounts(): Promise<void> {
  await runProgram(['mount', '--make-rprivate', '/']);
  for (const path of ['/run', '/var/log']) {
    await runProgram(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'lab', path]);
  }
  await mkdir('/run/netns', { recursive: true });
}
