export interface Interval {
  readonly low: number;
  readonly high: number;
}

const z95 = 1.959_963_984_540_054;

/**
 * Where a share truly lies with 95 % confidence, after `successes` of `n` were seen (Wilson's interval, which stays
 * honest for shares near 0 and 1 and for few samples). Without a sample it may be anything: 0 to 1.
 */
export function interval95(successes: number, n: number): Interval {
  if (n <= 0) return { low: 0, high: 1 };
  const share = successes / n;
  const z2 = z95 * z95;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z95 / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  // At the ends the formula is exact but its floating-point value may not be.
  return {
    low: successes === 0 ? 0 : Math.max(0, middle - half),
    high: successes === n ? 1 : Math.min(1, middle + half),
  };
}
