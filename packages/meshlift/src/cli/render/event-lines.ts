import type { EventHost, MeshliftEvent } from '../../events/event.ts';
import type { Terminal } from '../terminal.ts';

const glyphs = { step: '►', done: '✔', progress: ' ', warning: '!' } as const satisfies Record<
  MeshliftEvent['level'],
  string
>;
/** The same wait is told again at most this often, so that nothing looks stuck and nothing floods a log. */
const repeatMs = 4_000;

/** Shows events as lines on standard error: no spinner, no cursor tricks, readable in a terminal and in a log file. */
export function eventLines(terminal: Terminal, options: { readonly json: boolean }): EventHost {
  let lastWait = 0;
  return {
    notify(event) {
      if (options.json) {
        terminal.err(`${JSON.stringify(event)}\n`);
        return;
      }
      if (event.code === 'wait') {
        const at = Date.parse(event.time);
        if (at - lastWait < repeatMs) return;
        lastWait = at;
      }
      terminal.err(`${event.time.slice(11, 19)} ${glyphs[event.level]} ${event.message}\n`);
    },
  };
}
