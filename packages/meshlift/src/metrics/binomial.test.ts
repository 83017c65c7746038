import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atLeast } from './binomial.ts';

/** The definition, summed with exact whole-number coefficients; only for small n. */
function byDefinition(successes: number, n: number, p: number): number {
  let ways = 1;
  let total = 0;
  for (let k = 0; k <= n; k += 1) {
    if (k >= successes) total += ways * p ** k * (1 - p) ** (n - k);
    ways = (ways * (n - k)) / (k + 1);
  }
  return total;
}

describe('the chance of at least so many successes', () => {
  it('is what the definition says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }).chain((n) => fc.tuple(fc.constant(n), fc.nat(n))),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        ([n, k], p) => {
          const truth = byDefinition(k, n, p);
          expect(atLeast(k, n, p)).toBeCloseTo(truth, 9);
          if (truth > 1e-200 && k > n * p) expect(atLeast(k, n, p) / truth).toBeCloseTo(1, 6);
        },
      ),
    );
  });

  it('is certain for none, impossible for more than all', () => {
    expect(atLeast(0, 10, 0.5)).toBe(1);
    expect(atLeast(11, 10, 0.5)).toBe(0);
    expect(atLeast(1, 10, 0)).toBe(0);
    expect(atLeast(10, 10, 1)).toBe(1);
  });

  it('stays exact for a busy minute', () => {
    // summed term by term with another implementation of the logarithm of the factorial
    expect(atLeast(1_000, 100_000, 0.01)).toBeCloseTo(0.504_268_688, 7);
    expect(atLeast(1_100, 100_000, 0.01)).toBeCloseTo(0.000_911_780_341, 10);
    expect(atLeast(50_000, 100_000, 0.01)).toBe(0);
  });

  it('never rises with more successes, and never falls with a higher probability', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.nat(20_000),
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        (n, k, p) => {
          expect(atLeast(k + 1, n, p)).toBeLessThanOrEqual(atLeast(k, n, p) + 1e-9);
          expect(atLeast(k, n, p * 1.5)).toBeGreaterThanOrEqual(atLeast(k, n, p) - 1e-9);
        },
      ),
    );
  });
});
