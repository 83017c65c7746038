import { spawn } from 'node:child_process';

export interface ProgramResult {
  /** The exit code, or 128 plus the signal's number. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly timedOut: boolean;
}

export interface ProgramOptions {
  readonly stdin?: string;
  /** Milliseconds until the program gets SIGTERM; absent means never. */
  readonly timeout?: number;
  /** Bytes of each stream that are kept; what comes after is read and dropped. */
  readonly outputLimit?: number;
}

const defaultOutputLimit = 1024 * 1024;

/** Runs a program to its end. @throws when it cannot be started */
export function runProgram(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout = collect(child.stdout, options.outputLimit ?? defaultOutputLimit);
    const stderr = collect(child.stderr, options.outputLimit ?? defaultOutputLimit);
    let timedOut = false;
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGTERM');
          }, options.timeout);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${file}: ${error.message}`, { cause: error }));
    });
    // A program may end without reading its input; that is no error of ours.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 128 + 9, stdout: stdout(), stderr: stderr(), timedOut });
    });
  });
}

function collect(stream: NodeJS.ReadableStream, limit: number): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size >= limit) return;
    const kept = chunk.subarray(0, limit - size);
    chunks.push(kept);
    size += kept.length;
  });
  return () => Buffer.concat(chunks);
}
