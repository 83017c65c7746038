import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly signal: AbortSignal;
  /** called with every line of standard error as it comes: progress */
  readonly onLine?: (line: string) => void;
}

/** A command of the story that ended badly, with what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly result: CommandResult;

  constructor(command: readonly string[], result: CommandResult) {
    super(
      `${command.join(' ')} ended with ${result.exitCode}\n${(result.stderr || result.stdout).trimEnd()}`,
    );
    this.result = result;
  }
}

/**
 * Runs a command to its end. It gets a process group of its own, so that Ctrl-C reaches the story alone, which then
 * ends what it started in the right order.
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  options.signal.throwIfAborted();
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd && { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  options.signal.addEventListener('abort', end, { once: true });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');

  const output = { stdout: '', stderr: '' };
  let partial = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line);
  });
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    });
    if (partial) options.onLine?.(partial);
    return { exitCode, ...output };
  } finally {
    options.signal.removeEventListener('abort', end);
  }
}

/** Runs a command that must succeed. */
export async function mustRun(command: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const result = await runCommand(command, options);
  options.signal.throwIfAborted();
  if (result.exitCode !== 0) throw new CommandFailed(command, result);
  return result;
}
