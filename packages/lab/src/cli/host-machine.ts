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
