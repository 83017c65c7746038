import type { Readable, Writable } from 'node:stream';

/** What a command may use of the process that it runs in. */
export interface LabIo {
  /** Results only, so that they can be piped. */
  readonly stdout: Writable;
  /** Progress and messages. */
  readonly stderr: Writable;
  readonly stdin: Readable;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Whether a person watches stderr; without one there are plain lines and nothing is drawn over. */
  readonly terminal: boolean;
}

export function say(io: LabIo, line: string): void {
  io.stderr.write(`${line}\n`);
}

export function print(io: LabIo, text: string): void {
  io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
