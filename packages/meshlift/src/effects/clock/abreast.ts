import type { Clock } from './port.ts';

/** Several that go on together, as long as none keeps the others waiting for too long. */
export interface Abreast {
  /** Says that one has come, or will not. Each says so once. */
  here(): void;
  /** Resolves when all are here, or after the patience of whoever waits; rejects with the signal's reason. */
  together(signal: AbortSignal): Promise<void>;
}

export function abreast(clock: Clock, parties: number, patienceMs: number): Abreast {
  const allHere = Promise.withResolvers<void>();
  let missing = parties;
  return {
    here() {
      missing -= 1;
      if (missing === 0) allHere.resolve();
    },
    async together(signal) {
      signal.throwIfAborted();
      const over = new AbortController();
      const abort = () => over.abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const patience = clock.wait(patienceMs, over.signal);
      patience.catch(() => undefined); // heard by the race, unless all were here first
      try {
        await Promise.race([allHere.promise, patience]);
      } finally {
        signal.removeEventListener('abort', abort);
        over.abort();
      }
    },
  };
}
