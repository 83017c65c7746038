import type { HistoryRecord } from './status.ts';

/** Enough for a long migration with many commands, small enough for one Kubernetes object. */
const longestHistory = 300;

/** The history with one more line at its end; the oldest lines go when there are too many. */
export function withLine(history: readonly HistoryRecord[], line: HistoryRecord): readonly HistoryRecord[] {
  return [...history, line].slice(-longestHistory);
}
