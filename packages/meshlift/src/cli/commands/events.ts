import { stringify } from 'yaml';
import { readHistory } from '../../engine/journal.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

/** Who did what and when, oldest first, from the record in the home cluster. */
export async function eventsCommand(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const history = await readHistory(context);
    if (options.output === 'json') terminal.out(`${JSON.stringify(history, null, 2)}\n`);
    else if (options.output === 'yaml') terminal.out(stringify(history));
    else if (history.length === 0) terminal.out('nothing has happened yet\n');
    else {
      const width = Math.max(...history.map(({ what }) => what.length));
      const people = Math.max(...history.map(({ by }) => by.length));
      for (const { at, by, message, what } of history)
        terminal.out(
          `${at.slice(0, 19).replace('T', ' ')}  ${by.padEnd(people)}  ${what.padEnd(width)}  ${message}\n`,
        );
    }
    return exitCodes.done;
  });
}
