import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addHistograms,
  beyond,
  emptyHistogram,
  type Histogram,
  quantile,
  subtractHistograms,
  totalCount,
} from './histogram.ts';

const bounds = [1, 5, 10, 50, 100, Number.POSITIVE_INFINITY];

function histogramOf(values: readonly number[]): Histogram {
  return {
    bounds,
    cumulative: bounds.map((bound) => values.filter((value) => value <= bound).length),
    sum: values.reduce((a, b) => a + b, 0),
  };
}

const someValues = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 100 });

it('has no quantile without values', () => {
  expect(quantile(emptyHistogram, 0.5)).toBeNull();
  expect(quantile(histogramOf([]), 0.99)).toBeNull();
});

it('lies where the values would, if they were spread evenly in their bucket', () => {
  const tenBetween10And50 = histogramOf(Array(10).fill(30));
  expect(quantile(tenBetween10And50, 0.5)).toBe(30);
  expect(quantile(tenBetween10And50, 1)).toBe(50);
});

it('answers the last bound it knows for values beyond it', () => {
  expect(quantile(histogramOf([500, 500]), 0.99)).toBe(100);
});

it('skips empty buckets', () => {
  expect(quantile(histogramOf([70, 70]), 0)).toBe(50);
});

it('lies in the bucket of the true quantile', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const truth = sorted[Math.ceil(q * sorted.length - 1e-9) - 1] ?? 0;
        const upper = bounds.find((bound) => truth <= bound) ?? 0;
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0;
        const found = quantile(histogramOf(values), q) ?? Number.NaN;
        expect(found).toBeGreaterThanOrEqual(lower);
        expect(found).toBeLessThanOrEqual(upper);
      },
    ),
  );
});

it('never falls when q grows', () => {
  fc.assert(
    fc.property(
      someValues,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, p, q) => {
        fc.pre(values.length > 0);
        const h = histogramOf(values);
        expect(quantile(h, Math.min(p, q)) ?? 0).toBeLessThanOrEqual(quantile(h, Math.max(p, q)) ?? 0);
      },
    ),
  );
});

it('adds up like its values, and what was added can be taken away', () => {
  fc.assert(
    fc.property(someValues, someValues, (a, b) => {
      const both = addHistograms(histogramOf(a), histogramOf(b));
      expect(both).toEqual(histogramOf([...a, ...b]));
      expect(subtractHistograms(both, histogramOf(b))).toEqual(histogramOf(a));
    }),
  );
});

it('keeps only the bounds that both have', () => {
  const coarse: Histogram = { bounds: [10, Number.POSITIVE_INFINITY], cumulative: [3, 4], sum: 100 };
  const both = addHistograms(histogramOf([1, 20]), coarse);
  expect(both.bounds).toEqual([10, Number.POSITIVE_INFINITY]);
  expect(both.cumulative).toEqual([4, 6]);
  expect(totalCount(both)).toBe(6);
});

it('counts what certainly exceeds a value: nothing in the bucket of that value', () => {
  fc.assert(
    fc.property(someValues, fc.integer({ min: 1, max: 250 }), (values, value) => {
      const { count, bound } = beyond(histogramOf(values), value);
      expect(bound).toBeGreaterThanOrEqual(value);
      expect(count).toBe(values.filter((it) => it > bound).length);
    }),
  );
});
