import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';

export interface SandboxOptions {
  /** labinit: the pid namespace's first process. */
  readonly init: string;
  readonly argv: readonly string[];
  readonly userNamespace: boolean;
  /** Gets the supervisor's own output. */
  readonly log: string;
}

/** The arguments that make the lab's namespaces; an ordinary user needs one for users around the others. */
export function unshareArguments(options: Pick<SandboxOptions, 'userNamespace' | 'init' | 'argv'>): string[] {
  return [
    ...(options.userNamespace ? ['--user', '--map-root-user', '--map-auto'] : []),
    '--mount',
    '--pid',
    '--net',
    '--uts',
    '--ipc',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--',
    options.init,
    ...options.argv,
  ];
}

/**
 * Starts the sandbox. Its standard input is a pipe from this process: the supervisor ends when that
 * closes, so the lab cannot outlive whoever holds it, however that one ends.
 */
export function startSandbox(options: SandboxOptions): ChildProcess {
  const log = openSync(options.log, 'a', 0o600);
  return spawn('unshare', unshareArguments(options), {
    stdio: ['pipe', log, log],
    // Inside, an ordinary user is root, and uses root's programs.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}

/** Kills the pid namespace's first process, and thereby all of them. The kernel waits for the last. */
export function killSandbox(unshare: ChildProcess): void {
  const pid = unshare.pid;
  if (pid === undefined || unshare.exitCode !== null || unshare.signalCode !== null) return;
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, 'SIGKILL');
    } catch {
      // It ended by itself in this moment.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}
