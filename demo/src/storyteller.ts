import type { Writable } from 'node:stream';

/** Tells the story as plain lines: what is done, how to do it by hand, what was measured. */
export interface Storyteller {
  step(number: number, title: string): void;
  /** a sentence of the story */
  say(text: string): void;
  /** the command that does the same by hand */
  byHand(command: string): void;
  /** something measured, not claimed */
  measured(text: string): void;
  /** output of a command, as it comes */
  line(text: string): void;
  /** tells every few seconds what is still waited for, until `work` ends */
  during<T>(waitingFor: () => string, work: Promise<T>): Promise<T>;
}

const tellEveryMs = 4_000;

export function storyteller(out: Writable, now: () => number): Storyteller {
  const started = now();
  let stepStarted = started;
  const write = (text: string) => out.write(`${text}\n`);
  return {
    step(number, title) {
      stepStarted = now();
      write(`\n${String(number).padStart(2)}/12  ${title}  (at ${seconds(now() - started)})`);
    },
    say: (text) => write(`       ${text}`),
    byHand: (command) => write(`       $ ${command}`),
    measured: (text) => write(`       ✔ ${text}  (${seconds(now() - stepStarted)})`),
    line: (text) => write(`         ${text}`),
    async during(waitingFor, work) {
      const begun = now();
      const timer = setInterval(
        () => write(`         … ${waitingFor()} (${seconds(now() - begun)})`),
        tellEveryMs,
      );
      try {
        return await work;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
