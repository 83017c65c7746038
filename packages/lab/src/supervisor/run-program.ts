import { spawn } from 'node:child_process';

/** A program ended otherwise than with exit code 0; the message carries what it wrote to stderr. */
export class ProgramError extends Error {}

export interface ProgramOptions {
  readonly signal?: AbortSignal;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and returns its standard output. */
export function runProgram(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => {});
    child.once('error', (error) => reject(new ProgramError(`cannot run ${program}: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      const said = stderr.trim() || stdout.trim() || 'it said nothing';
      reject(
        new ProgramError(
          `${argv.slice(0, 4).join(' ')} ended with ${signal ?? `exit code ${code}`}: ${said}`,
        ),
      );
    });
    child.stdin.end(options.stdin ?? '');
  });
}
