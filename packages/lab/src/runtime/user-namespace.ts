import { readFile } from 'node:fs/promises';

/** Whether this process is in a user namespace of its own: then not every user of the machine is mapped. */
export async function inUserNamespace(): Promise<boolean> {
  return !mapsEveryUser(await readFile('/proc/self/uid_map', 'utf8'));
}

/** @param uidMap the content of /proc/PID/uid_map */
export function mapsEveryUser(uidMap: string): boolean {
  return uidMap.trim().split(/\s+/).join(' ') === '0 0 4294967295';
}
