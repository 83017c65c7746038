/** The only source of time below the command line, so that tests decide what time it is. */
export interface Clock {
  /** milliseconds since the epoch */
  now(): number;
  /** resolves after `ms`; rejects with the signal's reason when it aborts first */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}
