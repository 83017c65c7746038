import fc from 'fast-check';
import { expect, it } from 'vitest';
import { difference99, interval95 } from './interval.ts';
import { binomial, seeded } from './testdata/seeded.ts';

it('knows nothing without a sample', () => {
  expect(interval95(0, 0)).toEqual({ low: 0, high: 1 });
});

it("agrees with Wilson's published example: 10 of 50", () => {
  const { low, high } = interval95(10, 50);
  expect(low).toBeCloseTo(0.1124, 4);
  expect(high).toBeCloseTo(0.3304, 4);
});

it('holds the share that was seen, within 0 and 1, and narrows with the sample', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 10_000 }), (part, n) => {
      const successes = part % (n + 1);
      const { low, high } = interval95(successes, n);
      const more = interval95(successes * 10, n * 10);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(low).toBeLessThanOrEqual(successes / n);
      expect(high).toBeGreaterThanOrEqual(successes / n);
      expect(more.high - more.low).toBeLessThan(high - low);
    }),
  );
});

it('holds the true share about 95 times in 100', () => {
  const random = seeded(7);
  let held = 0;
  for (let trial = 0; trial < 2_000; trial += 1) {
    const { low, high } = interval95(binomial(random, 200, 0.2), 200);
    if (low <= 0.2 && 0.2 <= high) held += 1;
  }
  expect(held / 2_000).toBeGreaterThan(0.93);
  expect(held / 2_000).toBeLessThan(0.975);
});

it('holds the true difference of two shares about 99 times in 100', () => {
  const random = seeded(8);
  let held = 0;
  for (let trial = 0; trial < 2_000; trial += 1) {
    const a = { successes: binomial(random, 300, 0.04), n: 300 };
    const b = { successes: binomial(random, 600, 0.01), n: 600 };
    const { low, high } = difference99(a, b);
    if (low <= 0.03 && 0.03 <= high) held += 1;
  }
  expect(held / 2_000).toBeGreaterThan(0.975);
  expect(held / 2_000).toBeLessThan(0.999);
});

it('takes no difference for one while a sample is missing', () => {
  const { low, high } = difference99({ successes: 5, n: 10 }, { successes: 0, n: 0 });
  expect(low).toBeLessThan(0);
  expect(high).toBeGreaterThan(0);
});
