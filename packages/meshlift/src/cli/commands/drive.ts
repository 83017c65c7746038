import { stops } from '../../checks/check.ts';
import { drive, type Ending } from '../../engine/engine.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { isJudged } from '../../migration/decide.ts';
import type { Goal } from '../../migration/decision.ts';
import { withContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { checkLines } from '../render/check-list.ts';
import { eventLines } from '../render/event-lines.ts';
import { statusData, statusTable } from '../render/status-table.ts';
import { keepMemorySteady } from '../steady-memory.ts';
import type { Terminal } from '../terminal.ts';
import { preflight } from './preflight.ts';

const exitOf = {
  done: exitCodes.done,
  held: exitCodes.held,
  refused: exitCodes.error,
  rolledBack: exitCodes.rolledBack,
} as const satisfies Record<Ending['outcome'], ExitCode>;

/** Looks first, then drives the migration to the goal, telling every event as it happens. */
export async function driveCommand(
  options: CommonOptions,
  goal: Goal,
  terminal: Terminal,
): Promise<ExitCode> {
  const { output, verbose = false } = options;
  const host = eventLines(terminal, { json: output === 'json', verbose });
  return withContext(options, terminal, host, async (context) => {
    if (isJudged(goal)) keepMemorySteady();
    const ending = await drive(context, goal, async () => {
      const broken = (await preflight(context, goal)).filter(stops);
      return broken.length > 0 ? { broken } : null;
    });
    if ('broken' in ending) {
      const { broken } = ending;
      terminal.err(`meshlift: ${broken.length} checks don't hold, so nothing was changed\n`);
      terminal.err(`${broken.flatMap(checkLines).join('\n')}\n`);
      return exitCodes.checksFailed;
    }
    const { because, next, outcome, status } = ending;
    if (output === 'json')
      terminal.out(`${JSON.stringify({ outcome, because, next, ...statusData(status) }, null, 2)}\n`);
    else {
      terminal.out(statusTable(context.migration, status));
      terminal.err(
        `${outcome === 'done' ? '✔' : 'meshlift:'} ${because}\n${outcome === 'done' ? '' : `next: ${next}\n`}`,
      );
    }
    return exitOf[outcome];
  });
}
