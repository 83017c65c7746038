import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RunOptions {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program and everything it started, first politely; `run` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Each line of stderr as it comes. */
  readonly onStderr?: (line: string) => void;
}

export interface RunResult {
  /** 128 + signal number is not used: a program that a signal ended has `code` null. */
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a program may take to end by itself once it was asked to. */
const GRACE_MS = 3000;

/**
 * Runs a program to its end, without input.
 * Rejects with the system's error when it can't be started (`code` ENOENT: there is no such program).
 */
export async function run(options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const [program, ...args] = options.argv;
  // A process group of its own, so that a compiler's children end with it.
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr.push(line);
    options.onStderr?.(line);
  });
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  child.once('error', reject);
  child.once('close', (code, killedBy) =>
    resolve({ code, killedBy, stdout: Buffer.concat(stdout).toString(), stderr: stderr.join('\n') }),
  );

  let lastResort: NodeJS.Timeout | undefined;
  const end = () => {
    signalGroup(child.pid, 'SIGTERM');
    lastResort = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS);
  };
  options.signal.addEventListener('abort', end, { once: true });
  try {
    const result = await promise;
    options.signal.throwIfAborted();
    return result;
  } finally {
    options.signal.removeEventListener('abort', end);
    clearTimeout(lastResort);
  }
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // Already ended, which is what was asked for.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether the error says that the program itself is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
