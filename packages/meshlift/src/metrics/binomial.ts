/**
 * How likely at least `successes` of `n` are, when each of them succeeds with probability `p`: the exact upper tail of
 * the binomial distribution. Small answers are exact to about nine digits, which is what tests of a hypothesis need.
 */
export function atLeast(successes: number, n: number, p: number): number {
  if (successes <= 0) return 1;
  if (successes > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // Below the mean the tail is the larger part: one minus the smaller part keeps both sums short and exact.
  return successes <= n * p ? 1 - sumFrom(successes - 1, n, p, -1) : sumFrom(successes, n, p, 1);
}

/** The probabilities of `from`, and of all beyond it in one direction, until they no longer matter. */
function sumFrom(from: number, n: number, p: number, direction: 1 | -1): number {
  const odds = p / (1 - p);
  let term = Math.exp(logTerm(from, n, p));
  let total = 0;
  for (let k = from; k >= 0 && k <= n && term > 0; k += direction) {
    total += term;
    if (term < total * 1e-12) break;
    term *= direction === 1 ? ((n - k) / (k + 1)) * odds : k / (n - k + 1) / odds;
  }
  return total;
}

function logTerm(k: number, n: number, p: number): number {
  const ways = logFactorial(n) - logFactorial(k) - logFactorial(n - k);
  return ways + k * Math.log(p) + (n - k) * Math.log1p(-p);
}

/** Stirling's series beyond the numbers for which the product itself is exact enough. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let i = 2; i <= n; i += 1) product *= i;
    return Math.log(product);
  }
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + series;
}
