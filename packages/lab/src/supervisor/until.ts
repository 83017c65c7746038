const POLL_MS = 100;

/**
 * Asks until the answer is null. Any other answer is what is still missing, in words; so is a rejection.
 * Rejects when the signal aborts, or with the last answer when `deadlineMs` have passed.
 */
export async function until(
  missing: (signal: AbortSignal) => Promise<string | null>,
  options: {
    signal: AbortSignal;
    deadlineMs: number;
    waitingFor: (what: string) => void;
    /** For questions that cost something; ten times a second otherwise. */
    everyMs?: number;
  },
): Promise<void> {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    options.signal.throwIfAborted();
    const answer = await missing(options.signal).catch((error: Error) => error.message);
    if (answer === null) return;
    if (performance.now() > deadline) {
      throw new Error(`still waiting after ${Math.round(options.deadlineMs / 1000)} s: ${answer}`);
    }
    options.waitingFor(answer.split('\n')[0] ?? answer);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? POLL_MS));
  }
}
