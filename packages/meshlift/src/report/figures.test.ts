import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, failureShare, interval, milliseconds, timestamp } from './figures.ts';

test('a share with one failure never reads 0 %, and one success never reads 100 %', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 1, max: 10_000_000 }), (a, b) => {
      const shown = failureShare(a, a + b);
      expect(shown).not.toBe('0 %');
      expect(shown).not.toBe('100 %');
    }),
  );
});

test('a share of nothing is a dash, none of something is 0 %, all of it is 100 %', () => {
  expect([failureShare(0, 0), failureShare(0, 5), failureShare(5, 5)]).toEqual(['–', '0 %', '100 %']);
});

test('small shares keep two decimals', () => {
  expect(failureShare(1, 62_318)).toBe('< 0.01 %');
  expect(failureShare(45, 10_000)).toBe('0.45 %');
});

test('times are written with the unit that fits', () => {
  expect([milliseconds(null), milliseconds(2.44), milliseconds(143.2), milliseconds(12_340)]).toEqual([
    '–',
    '2.4 ms',
    '143 ms',
    '12.3 s',
  ]);
  expect([duration(0), duration(48.23), duration(192), duration(7_500)]).toEqual([
    '0 s',
    '48.2 s',
    '3 min 12 s',
    '2 h 5 min',
  ]);
});

test('a duration just under a minute is not 60 seconds', () => {
  expect(duration(59.97)).toBe('1 min 0 s');
});

test('what was not measured or has not happened is a dash', () => {
  expect([interval(null), timestamp(null)]).toEqual(['–', '–']);
});
