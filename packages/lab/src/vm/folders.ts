import path from 'node:path';

/** What ssh on the host needs. */
export const sshFolder = (stateDir: string): string => path.join(stateDir, 'ssh');

/** The VM's own key, which its disk has a copy of. */
export const hostKeyFolder = (stateDir: string): string => path.join(stateDir, 'host-key');

/** What the VM writes. */
export const diskFolder = (stateDir: string): string => path.join(stateDir, 'disk');

/** The part of the disk that overlayfs lays over the base system. */
export const upperFolder = (stateDir: string): string => path.join(diskFolder(stateDir), 'upper');
