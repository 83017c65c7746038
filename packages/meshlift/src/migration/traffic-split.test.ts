import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allOnK8s, allOnVm, formatSplit, sameSplit, splitWithK8s } from './traffic-split.ts';

test('both sides of every split sum to 100', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), (k8s) => {
      const split = splitWithK8s(k8s);
      expect(split.vm + split.k8s).toBe(100);
      expect(split.k8s).toBe(k8s);
    }),
  );
});

test('a share outside 0 to 100, or a part of a percent, is no split', () => {
  const wrong = fc.oneof(
    fc.integer({ max: -1 }),
    fc.integer({ min: 101 }),
    fc.double().filter((it) => !Number.isInteger(it)),
  );
  fc.assert(
    fc.property(wrong, (k8s) => {
      expect(() => splitWithK8s(k8s)).toThrow(RangeError);
    }),
  );
});

test.each([-1, 101, 0.5, Number.NaN])('%d percent is no share', (k8s) => {
  expect(() => splitWithK8s(k8s)).toThrow('a whole number from 0 to 100');
});

test('the ends are named by the side that has all', () => {
  expect([splitWithK8s(0), splitWithK8s(100)]).toEqual([allOnVm, allOnK8s]);
  expect(allOnVm.vm).toBe(100);
  expect(allOnK8s.k8s).toBe(100);
});

test('splits are the same when both sides are', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (a, b) => {
      expect(sameSplit(splitWithK8s(a), splitWithK8s(b))).toBe(a === b);
    }),
  );
});

test('a split is written with the names of its sides', () => {
  expect(formatSplit(splitWithK8s(20))).toBe('vm 80 % · k8s 20 %');
});
