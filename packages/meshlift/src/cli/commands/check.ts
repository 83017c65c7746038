import { stringify } from 'yaml';
import { allChecks } from '../../checks/all-checks.ts';
import { type CheckResult, stops } from '../../checks/check.ts';
import { runChecks, untilChecksHold } from '../../checks/run-checks.ts';
import type { EngineContext } from '../../engine/context.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { checkDocument } from '../render/check-document.ts';
import { checkList } from '../render/check-list.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

export interface CheckOptions extends CommonOptions {
  /** for how long to look again until nothing stops, milliseconds */
  readonly wait?: number;
}

export async function checkCommand(options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const checks = await results(context, options, terminal);
    const found = checkDocument(checks);
    if (options.output === 'table') terminal.out(checkList(checks));
    else terminal.out(options.output === 'json' ? `${JSON.stringify(found, null, 2)}\n` : stringify(found));
    return found.success ? exitCodes.done : exitCodes.checksFailed;
  });
}

const betweenLooksMs = 2_000;

function results(
  context: EngineContext,
  { wait }: CheckOptions,
  terminal: Terminal,
): Promise<readonly CheckResult[]> {
  if (wait === undefined) return runChecks(context, allChecks);
  let told = '';
  return untilChecksHold(context, allChecks, {
    deadlineMs: wait,
    intervalMs: betweenLooksMs,
    progress(checks) {
      const open = checks.filter((it) => stops(it) && it.result !== 'skipped').map(({ id }) => id);
      const line = `waiting for ${open.join(', ')}\n`;
      if (line !== told) terminal.err(line);
      told = line;
    },
  });
}
