import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { access, constants, readFile, statfs } from 'node:fs/promises';
import { ProgramError, runProgram } from '../supervisor/run-program.ts';

/** What is asked of the machine that a lab is to run on, before anything starts. */
export interface HostMachine {
  /** As `process.platform`. */
  readonly platform: string;
  /** Null when there is no such file, or it may not be read. */
  read(path: string): Promise<string | null>;
  isExecutable(path: string): Promise<boolean>;
  freeDiskBytes(folder: string): Promise<number>;
  /** How many of the kernel's file watchers this user's processes have, as far as they can be seen. */
  inotifyInstances(): number;
  /** What the kernel says when it won't have a lab's namespaces made; null when it will. */
  refusalOfNamespaces(userNamespace: boolean): Promise<string | null>;
}

export const thisMachine: HostMachine = {
  platform: process.platform,
  read: (path) => readFile(path, 'utf8').catch(() => null),
  isExecutable: (path) =>
    access(path, constants.X_OK).then(
      () => true,
      () => false,
    ),
  freeDiskBytes: async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  inotifyInstances: () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .reduce((sum, pid) => sum + inotifyInstancesOf(`/proc/${pid}`), 0),
  refusalOfNamespaces: async (userNamespace) => {
    const users = userNamespace ? ['--user', '--map-root-user', '--map-auto'] : [];
    const others = ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--mount-proc'];
    try {
      await runProgram(['unshare', ...users, ...others, '--', 'true']);
      return null;
    } catch (error) {
      if (error instanceof ProgramError) return error.message.replace(/^.*?: /s, '').replaceAll('\n', '; ');
      throw error;
    }
  },
};

/** Those of one process; none where it is another user's, or ends while it is looked at. */
function inotifyInstancesOf(process_: string): number {
  if (process.geteuid?.() !== orNull(() => statSync(process_).uid)) return 0;
  const descriptors = orNull(() => readdirSync(`${process_}/fd`)) ?? [];
  const targets = descriptors.map((fd) => orNull(() => readlinkSync(`${process_}/fd/${fd}`)));
  return targets.filter((target) => target === 'anon_inode:inotify').length;
}

/** Whatever is looked at below /proc may be gone by then, or not be shown. */
function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
