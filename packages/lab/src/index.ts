import { CommanderError } from 'commander';
import type { LabIo } from './cli/io.ts';
import { labProgram } from './cli/program.ts';
import { EXIT, LabError } from './errors.ts';
import { PartsError } from './parts/errors.ts';

export type { LabIo } from './cli/io.ts';
export type { LabStatus } from './plan/lab-status.ts';

/**
 * Runs one `lab` command, such as `['up', '--clusters', '2']`, and resolves with its exit code: 0 done,
 * 1 failed, 64 wrong usage, 65 bad input. Never rejects for what a user could do wrong.
 */
export async function runLab(argv: readonly string[], io: LabIo): Promise<number> {
  const outcome = { exitCode: EXIT.done as number };
  const program = labProgram(io, (code) => {
    outcome.exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    // Commander has written its own sentence already, on the right stream.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof LabError || error instanceof PartsError) {
      io.stderr.write(`${error.message}\n`);
      return error instanceof LabError ? error.exitCode : EXIT.failed;
    }
    if (io.signal.aborted) {
      io.stderr.write('interrupted\n');
      return EXIT.failed;
    }
    io.stderr.write(`the lab command failed in a way it does not know: ${(error as Error).stack}\n`);
    return EXIT.failed;
  }
}
