import { MeshliftError } from '../../errors/error.ts';
import type { Clock } from './port.ts';

export interface Waiting {
  /** what must become true, for the error: `deployment x in cluster1 to be available` */
  readonly for: string;
  readonly deadlineMs: number;
  readonly intervalMs: number;
  readonly next: string;
  readonly signal: AbortSignal;
  /** called with the latest reason after each look that was not enough */
  readonly progress?: (why: string, waitedMs: number) => void;
}

export type Look<T> =
  | { readonly ready: true; readonly value: T }
  | { readonly ready: false; readonly why: string };

/** Looks until it is ready; `timed-out` with the latest reason when the deadline passes first. */
export async function until<T>(clock: Clock, waiting: Waiting, look: () => Promise<Look<T>>): Promise<T> {
  const started = clock.now();
  for (;;) {
    const seen = await look();
    if (seen.ready) return seen.value;
    const waited = clock.now() - started;
    if (waited >= waiting.deadlineMs) {
      throw new MeshliftError('timed-out', {
        where: `waiting for ${waiting.for}`,
        why: `not within ${Math.round(waiting.deadlineMs / 1000)} s: ${seen.why}`,
        next: waiting.next,
      });
    }
    waiting.progress?.(seen.why, waited);
    await clock.wait(waiting.intervalMs, waiting.signal);
  }
}
