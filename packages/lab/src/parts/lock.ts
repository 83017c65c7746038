import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { isNotFound, run } from './child.ts';
import { PartsError } from './errors.ts';

export interface LockHolder {
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
}

/** What to tell people who wait, e.g. `waiting for process 4711, making parts since 10:02`. */
export function waitingFor(holder: LockHolder | null): string {
  if (holder === null) return 'waiting for another process that is making parts';
  const since = new Date(holder.since).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return `waiting for process ${holder.pid}, making parts since ${since}`;
}

/**
 * Holds the lock on `path` while `work` runs, and gives back what it gives back.
 *
 * The lock is the kernel's (flock), held by a small program that lives exactly as long as its input: when this
 * process ends in whatever way, the kernel closes that input, and nobody has to judge whether a lock is stale.
 *
 * `onWait` is called once if another process holds the lock, with who it is where that is known.
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal,
  onWait: (holder: LockHolder | null) => void,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  // --no-fork: one process that has both the lock and the input.
  const child = spawn('flock', ['--exclusive', '--no-fork', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a Ctrl-C in the terminal is this process's to handle; the lock stays until it has
  });
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const ended = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  child.stdout.once('data', () => held.resolve());
  child.stdin.once('error', () => {}); // only ever closed, never written to
  child.once('error', (error) => {
    held.reject(isNotFound(error) ? MISSING_FLOCK() : error);
    ended.resolve();
  });
  child.once('close', () => {
    held.reject(
      new PartsError(`Could not lock ${path}.`, `flock said: ${Buffer.concat(stderr).toString().trim()}`),
    );
    ended.resolve();
  });
  const onAbort = () => held.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // Uncontended, the answer is there in milliseconds; only after that is it worth a word.
  const contended = setTimeout(() => void readHolder(path).then(onWait), 200);
  try {
    await held.promise;
    clearTimeout(contended);
    await writeFile(path, `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`);
    return await work();
  } finally {
    clearTimeout(contended);
    signal.removeEventListener('abort', onAbort);
    // Waiting for the lock, it does not read its input yet: then the input's end alone would not end it.
    if (child.pid !== undefined) child.kill('SIGTERM');
    child.stdin.destroy();
    await ended.promise;
  }
}

/** Who holds the lock at this moment, or null if nobody does (or if it did not say who it is yet). */
export async function currentHolder(path: string): Promise<LockHolder | null> {
  if (!existsSync(path)) return null; // flock would create it
  const argv = ['flock', '--shared', '--nonblock', '--conflict-exit-code', `${HELD}`, path, 'true'] as const;
  const { code } = await run({ argv: [...argv], signal: new AbortController().signal });
  return code === HELD ? readHolder(path) : null;
}

const HELD = 75;

async function readHolder(path: string): Promise<LockHolder | null> {
  try {
    const { pid, since } = JSON.parse(await readFile(path, 'utf8'));
    return typeof pid === 'number' && typeof since === 'string' ? { pid, since } : null;
  } catch {
    return null; // being written at this moment, or never was: who it is is only told, nothing depends on it
  }
}

const MISSING_FLOCK = (): PartsError =>
  new PartsError(
    'flock is needed to keep two builds apart, and is not on the PATH.',
    'Install it: sudo apt-get install -y --no-install-recommends util-linux',
  );
