import type { GateAnswer } from './port.ts';

/** A message is a line, and a terminal's: no more of it than one can read. */
const longestMessage = 300;

export function answer(gate: string, verdict: GateAnswer['verdict'], because: string): GateAnswer {
  const line =
    because
      .split('\n')
      .find((it) => it.trim() !== '')
      ?.trim() ?? '';
  return { gate, verdict, because: line.slice(0, longestMessage) || 'it gave no reason' };
}
