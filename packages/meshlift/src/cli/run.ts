import { CommanderError } from 'commander';
import { type ExitCode, errorCodes, exitCodes } from '../errors/codes.ts';
import { isMeshliftError, type MeshliftError } from '../errors/error.ts';
import { commandLine } from './command-line.ts';
import type { Terminal } from './terminal.ts';

/** The command line: arguments in, exit code out. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (argv[0] === 'lab') return runLab(argv.slice(1), terminal);
  let exit: ExitCode = exitCodes.done;
  const program = commandLine(terminal, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    return explain(error, terminal, program.opts<{ output?: string }>().output === 'json');
  }
}

/** The lab is a package of its own, for laptops; a machine that only drives real clusters need not have it. */
async function runLab(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const lab = await import('@meshlift/lab').catch((error: NodeJS.ErrnoException) => {
    // Only the package itself may be missing; anything missing inside it is a broken installation, and must surface.
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes("'@meshlift/lab'")) throw error;
    return null;
  });
  if (lab)
    return (await lab.runLab(argv, {
      ...terminal.streams,
      env: { ...terminal.env },
      cwd: terminal.cwd,
      signal: terminal.signal,
      terminal: terminal.interactive,
    })) as ExitCode;
  terminal.err('meshlift lab: the lab is not installed here\nnext: npm install @meshlift/lab\n');
  return exitCodes.error;
}

/** What went wrong, for people or, where results are asked for as JSON, as one line for programs. */
function explain(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (terminal.signal.aborted) {
    terminal.err(
      json
        ? `${JSON.stringify({ detached: true })}\n`
        : '\nmeshlift: detached; the migration stays as it is, and nothing is rolled back\nnext: repeat the command to go on, meshlift rollback to go back, or meshlift status\n',
    );
    return exitCodes.error;
  }
  if (isMeshliftError(error)) {
    terminal.err(json ? `${JSON.stringify({ error: errorData(error) })}\n` : renderError(error));
    return errorCodes[error.code].exit;
  }
  throw error;
}

function errorData({ code, next, where, why }: MeshliftError): Record<string, string> {
  return { code, where, why, next, runbook: `docs/runbooks/${code}.md` };
}

export function renderError(error: MeshliftError): string {
  return `meshlift: ${error.where}: ${error.why}\nnext: ${error.next}\nmore: meshlift explain ${error.code}\n`;
}
