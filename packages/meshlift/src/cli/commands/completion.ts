import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { commandTable } from '../completion/table.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { runbookCodes } from '../runbooks.ts';
import type { Terminal } from '../terminal.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const written = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** The shell's completion, for it to source; made from the command table, so it knows what this version knows. */
export async function completionCommand(
  program: Command,
  shell: Shell,
  terminal: Pick<Terminal, 'out'>,
): Promise<ExitCode> {
  terminal.out(written[shell](commandTable(program, await runbookCodes())));
  return exitCodes.done;
}
