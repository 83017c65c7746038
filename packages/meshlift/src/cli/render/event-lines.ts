import type { EventHost, MeshliftEvent } from '../../events/event.ts';
import type { Terminal } from '../terminal.ts';

const glyphs = { step: '►', done: '✔', progress: ' ', warning: '!' } as const satisfies Record<
  MeshliftEvent['level'],
  string
>;
/** Waits, and progress of one and the same thing, are told again at most this often: nothing looks stuck, nothing floods a log. */
const repeatMs = 4_000;

/** Shows events as lines on standard error: no spinner, no cursor tricks, readable in a terminal and in a log file. */
export function eventLines(
  terminal: Terminal,
  options: { readonly json: boolean; readonly verbose?: boolean },
): EventHost {
  const told = new Map<string, number>();
  return {
    notify(event) {
      if (options.json) {
        terminal.err(`${JSON.stringify(event)}\n`);
        return;
      }
      const repeats = event.code === 'wait' ? 'wait' : event.level === 'progress' ? event.message : null;
      if (repeats !== null && !options.verbose) {
        const at = Date.parse(event.time);
        if (at - (told.get(repeats) ?? 0) < repeatMs) return;
        told.set(repeats, at);
      }
      terminal.err(`${event.time.slice(11, 19)} ${glyphs[event.level]} ${event.message}\n`);
    },
  };
}
