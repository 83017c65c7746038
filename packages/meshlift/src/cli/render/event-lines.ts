import type { EventHost, MeshliftEvent } from '../../events/event.ts';
import type { Terminal } from '../terminal.ts';

const glyphs = { step: '►', done: '✔', progress: ' ', warning: '!' } as const satisfies Record<
  MeshliftEvent['level'],
  string
>;
/** Waits, and progress of one and the same thing, are told again at most this often: nothing floods a log. */
const repeatMs = 4_000;
/** And after so long without a line, the last thing begun is named again: nothing looks stuck. */
const silenceMs = 4_500;

/** Shows events as lines on standard error: no spinner, no cursor tricks, readable in a terminal and in a log file. */
export function eventLines(
  terminal: Terminal,
  options: { readonly json: boolean; readonly verbose?: boolean },
): EventHost {
  const told = new Map<string, number>();
  const silence = breakSilence((text) => terminal.err(text));
  return {
    notify(event) {
      if (options.json) {
        terminal.err(`${JSON.stringify(event)}\n`);
        return;
      }
      if (event.level === 'step' || event.level === 'progress') silence.begun(event.message);
      const repeats = event.code === 'wait' ? 'wait' : event.level === 'progress' ? event.message : null;
      if (repeats !== null && !options.verbose) {
        const at = Date.parse(event.time);
        if (at - (told.get(repeats) ?? 0) < repeatMs) return;
        told.set(repeats, at);
      }
      terminal.err(`${event.time.slice(11, 19)} ${glyphs[event.level]} ${event.message}\n`);
      silence.spoken();
    },
  };
}

/** Says what was begun last whenever nothing was said for a while; keeps no process alive for it. */
function breakSilence(say: (text: string) => void): { begun(what: string): void; spoken(): void } {
  let what: string | null = null;
  let since = 0;
  let timer: NodeJS.Timeout | undefined;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (what) say(`${' '.repeat(9)} … still: ${what} (${Math.round((Date.now() - since) / 1_000)}s)\n`);
      listen();
    }, silenceMs).unref();
  };
  return {
    begun(now) {
      if (now !== what) since = Date.now();
      what = now;
    },
    spoken: listen,
  };
}
