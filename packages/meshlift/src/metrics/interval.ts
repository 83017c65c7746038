export interface Interval {
  readonly low: number;
  readonly high: number;
}

const z95 = 1.959_963_984_540_054;
const z99 = 2.575_829_303_548_901;

/**
 * Where a share truly lies with 95 % confidence, after `successes` of `n` were seen (Wilson's interval, which stays
 * honest for shares near 0 and 1 and for few samples). Without a sample it may be anything: 0 to 1.
 */
export function interval95(successes: number, n: number): Interval {
  return wilson(successes, n, z95);
}

/**
 * Where the difference of two shares, `a` minus `b`, truly lies with 99 % confidence (Newcombe's interval, made of both
 * shares' Wilson intervals). It holds zero as long as chance alone explains the difference.
 */
export function difference99(a: Sample, b: Sample): Interval {
  const ofA = wilson(a.successes, a.n, z99);
  const ofB = wilson(b.successes, b.n, z99);
  const shareA = a.n > 0 ? a.successes / a.n : (ofA.low + ofA.high) / 2;
  const shareB = b.n > 0 ? b.successes / b.n : (ofB.low + ofB.high) / 2;
  const seen = shareA - shareB;
  return {
    low: seen - Math.hypot(shareA - ofA.low, ofB.high - shareB),
    high: seen + Math.hypot(ofA.high - shareA, shareB - ofB.low),
  };
}

export interface Sample {
  readonly successes: number;
  readonly n: number;
}

function wilson(successes: number, n: number, z: number): Interval {
  if (n <= 0) return { low: 0, high: 1 };
  const share = successes / n;
  const z2 = z * z;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  // At the ends the formula is exact but its floating-point value may not be.
  return {
    low: successes === 0 ? 0 : Math.max(0, middle - half),
    high: successes === n ? 1 : Math.min(1, middle + half),
  };
}
