import { createInterface } from 'node:readline/promises';
import type { Terminal } from '../terminal.ts';

/** Where missing answers come from. */
export interface Asker {
  /** one line of an answer; `proposed` when it is empty; null when nobody can be asked and nothing is proposed */
  ask(question: string, proposed: string | null): Promise<string | null>;
  close(): void;
}

/** Asks on the terminal; without one takes what is proposed, and otherwise nothing. */
export function openAsker(terminal: Pick<Terminal, 'interactive' | 'signal' | 'streams'>): Asker {
  const { stdin, stderr } = terminal.streams;
  if (!terminal.interactive || !stdin.isTTY)
    return { ask: async (_, proposed) => proposed, close: () => undefined };
  const lines = createInterface({ input: stdin, output: stderr });
  return {
    async ask(question, proposed) {
      for (;;) {
        const shown = proposed === null ? `${question}: ` : `${question} [${proposed}]: `;
        const answer = (await lines.question(shown, { signal: terminal.signal })).trim();
        if (answer !== '') return answer;
        if (proposed !== null) return proposed;
      }
    },
    close: () => lines.close(),
  };
}
