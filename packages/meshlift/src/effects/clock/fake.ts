import type { Clock } from './port.ts';

interface Waiter {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now: number;
  #waiters: Waiter[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** how many waits have not ended */
  get waiting(): number {
    return this.#waiters.length;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const waiter = {
        at: this.#now + ms,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Lets `ms` pass: every wait that ends in it ends at its own time, and what follows from it has run before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      await this.#jumpTo(next);
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Goes on by itself: whenever nothing but waits is left to do, jumps to the end of the next. Answers how to stop. */
  autoAdvance(): () => void {
    let stopped = false;
    const turn = async () => {
      while (!stopped) {
        await settled();
        const next = this.#next();
        if (next !== undefined && !stopped) await this.#jumpTo(next);
      }
    };
    void turn();
    return () => {
      stopped = true;
    };
  }

  #next(): Waiter | undefined {
    return this.#waiters.reduce<Waiter | undefined>(
      (first, waiter) => (first === undefined || waiter.at < first.at ? waiter : first),
      undefined,
    );
  }

  async #jumpTo(waiter: Waiter): Promise<void> {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    this.#now = Math.max(this.#now, waiter.at);
    waiter.wake();
    await settled();
  }
}

/** Resolves when all that can run without time passing has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
