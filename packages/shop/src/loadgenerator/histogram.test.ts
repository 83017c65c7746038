import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

const durations = fc.array(fc.double({ min: 0.2, max: 100_000, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

describe('a histogram', () => {
  it('gives any quantile to 4 percent, and never too low', () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
        const histogram = new Histogram();
        for (const ms of all) histogram.record(ms);
        const exact = [...all].sort((a, b) => a - b)[Math.ceil(all.length * share) - 1] as number;
        const given = histogram.quantile(share) as number;
        expect(given).toBeGreaterThanOrEqual(exact * 0.999_999);
        expect(given).toBeLessThanOrEqual(exact * 1.040_001);
      }),
    );
  });

  it('less an earlier copy of itself is what was recorded in between', () => {
    fc.assert(
      fc.property(durations, durations, (before, after) => {
        const histogram = new Histogram();
        for (const ms of before) histogram.record(ms);
        const copy = histogram.copy();
        const between = new Histogram();
        for (const ms of after) {
          histogram.record(ms);
          between.record(ms);
        }
        const window = histogram.since(copy);
        expect(window.count).toBe(after.length);
        expect(window.quantile(0.5)).toBe(between.quantile(0.5));
      }),
    );
  });

  it('has no quantiles while it is empty', () => {
    expect(new Histogram().quantile(0.5)).toBeUndefined();
  });
});
