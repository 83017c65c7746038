/** The time now in nanoseconds since 1970, as a decimal string: what the CRI calls a time. */
export function nanosecondsNow(): string {
  return String(BigInt(Date.now()) * 1_000_000n);
}
