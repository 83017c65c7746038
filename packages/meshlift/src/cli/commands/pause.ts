import { pause, resume } from '../../engine/pause.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { withContext, withReadOnlyContext } from '../open-context.ts';
import type { WriteCommandOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

export async function pauseCommand(
  options: WriteCommandOptions & { readonly reason?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  if (options.dryRun || options.outputOnly)
    return wouldChange(options, 'it would be paused: no step forward until meshlift resume', terminal);
  return withContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const { at, by, reason } = await pause(context, options.reason ?? null);
    if (options.output === 'json') terminal.out(`${JSON.stringify({ at, by, reason })}\n`);
    else
      terminal.out(
        `paused by ${by} at ${at}${reason ? `: ${reason}` : ''}\nno step forward is taken; a failed gate still goes back, and meshlift rollback is always possible\nnext: meshlift resume\n`,
      );
    return exitCodes.done;
  });
}

export async function resumeCommand(options: WriteCommandOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.dryRun || options.outputOnly) return wouldChange(options, 'a pause would be ended', terminal);
  return withContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const ended = await resume(context);
    if (options.output === 'json') terminal.out(`${JSON.stringify({ ended })}\n`);
    else
      terminal.out(
        ended
          ? `resumed; it was paused by ${ended.by} at ${ended.at}\nan engine that waits goes on by itself; without one: meshlift run\n`
          : 'it was not paused\n',
      );
    return exitCodes.done;
  });
}

/** Neither writes an object of a cluster but the Migration's own record. */
async function wouldChange(
  options: WriteCommandOptions,
  what: string,
  terminal: Terminal,
): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async () => {
    terminal.err(`${what}\nnothing was changed\n`);
    return exitCodes.held;
  });
}
