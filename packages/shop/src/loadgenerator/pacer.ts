/**
 * Makes something due at a steady rate, whatever becomes of it: an open loop. After a stall everything that became
 * due meanwhile is handed out at once, each with the moment at which it was due, so that lateness is seen as latency
 * and no request is silently left out. `due` gets moments on the clock of `performance.now()`.
 */
export function pace(perSecond: number, due: (at: number) => void): { stop(): void } {
  if (perSecond <= 0) return { stop() {} };
  const intervalMs = 1000 / perSecond;
  const startedAt = performance.now();
  let handedOut = 0;
  let timer: NodeJS.Timeout | undefined;
  const next = (): void => {
    for (;;) {
      const at = startedAt + handedOut * intervalMs;
      const wait = at - performance.now();
      if (wait > 0) {
        timer = setTimeout(next, wait);
        return;
      }
      handedOut += 1;
      due(at);
    }
  };
  next();
  return { stop: () => clearTimeout(timer) };
}
