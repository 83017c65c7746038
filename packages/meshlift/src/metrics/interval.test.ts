import fc from 'fast-check';
import { expect, it } from 'vitest';
import { interval95 } from './interval.ts';

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
  const random = generator(7);
  let held = 0;
  for (let trial = 0; trial < 2_000; trial += 1) {
    let successes = 0;
    for (let i = 0; i < 200; i += 1) if (random() < 0.2) successes += 1;
    const { low, high } = interval95(successes, 200);
    if (low <= 0.2 && 0.2 <= high) held += 1;
  }
  expect(held / 2_000).toBeGreaterThan(0.93);
  expect(held / 2_000).toBeLessThan(0.975);
});

/** mulberry32: a seeded generator, so that the test says the same every time */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
