const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** A process that ran this long is taken to be well again: its next end starts the count anew. */
const WELL_AFTER_MS = 30_000;

/** How long to wait before a process that ended is started again: doubling, up to ten seconds. */
export class Backoff {
  #next = FIRST_MS;

  delayAfter(ranForMs: number): number {
    if (ranForMs >= WELL_AFTER_MS) this.#next = FIRST_MS;
    const delay = this.#next;
    this.#next = Math.min(this.#next * 2, LONGEST_MS);
    return delay;
  }
}
