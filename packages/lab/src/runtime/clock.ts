/** Nanoseconds since 1970, as a decimal string: what the CRI calls a time. */
export type Nanoseconds = string;

const nanosecondsPerMicrosecond = 1_000n;

/**
 * The wall clock, finer than Node.js tells it. The kubelet orders what it learns about a pod by time, in
 * nanoseconds, and what looks older than what it knows it ignores: whole milliseconds are too coarse.
 * The fine clock alone will not do, since it stands still while a laptop sleeps.
 */
export class Clock {
  readonly #wall: () => number;
  readonly #fine: () => number;
  /** Milliseconds from the fine clock to the wall clock. */
  #offset: number;
  #last = 0n;

  /**
   * @param wall whole milliseconds since 1970, rounded down
   * @param fine milliseconds since whenever, with fractions
   */
  constructor(wall: () => number = Date.now, fine: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#fine = fine;
    this.#offset = wall() - fine();
  }

  /** The time now; each call gives a later one than the call before. */
  now(): Nanoseconds {
    const wall = this.#wall();
    const fine = this.#fine();
    // The truth lies within the millisecond that the wall clock shows.
    this.#offset = Math.min(Math.max(this.#offset, wall - fine), wall + 1 - fine);
    const time = BigInt(Math.floor((fine + this.#offset) * 1_000)) * nanosecondsPerMicrosecond;
    this.#last = time > this.#last ? time : this.#last + 1n;
    return String(this.#last);
  }
}

const clock = new Clock();

/** The time now, by this process's only {@link Clock}. */
export function nanosecondsNow(): Nanoseconds {
  return clock.now();
}
