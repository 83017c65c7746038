import { stringify } from 'yaml';
import { allChecks } from '../../checks/all-checks.ts';
import { runChecks } from '../../checks/run-checks.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { checkDocument } from '../render/check-document.ts';
import { checkList } from '../render/check-list.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

export async function checkCommand(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const checks = await runChecks(context, allChecks);
    const found = checkDocument(checks);
    if (options.output === 'table') terminal.out(checkList(checks));
    else terminal.out(options.output === 'json' ? `${JSON.stringify(found, null, 2)}\n` : stringify(found));
    return found.success ? exitCodes.done : exitCodes.checksFailed;
  });
}
