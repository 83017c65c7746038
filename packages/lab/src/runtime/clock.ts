/** Nanoseconds since 1970, as a decimal string: what the CRI calls a time. */
export type Nanoseconds = string;

let last = 0n;

/**
 * The time in nanoseconds, each call later than the one before: the kubelet orders what it is told by it.
 */
export function nanosecondsNow(): Nanoseconds {
  // Not performance.now(), though it is finer: it stands still while a laptop sleeps, and the kubelet's clock does not.
  const now = BigInt(Date.now()) * 1_000_000n;
  last = now > last ? now : last + 1n;
  return String(last);
}
