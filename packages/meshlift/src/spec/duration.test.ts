import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

test('a duration is a number with a unit', () => {
  expect(['500ms', '30s', '1.5s', '5m', '2h', '0s'].map(parseDuration)).toEqual([
    500, 30_000, 1_500, 300_000, 7_200_000, 0,
  ]);
});

test.each(['', '30', 's', '-1s', '1 s', '1d', '1s ', '1m30s', 'Infinitys', '1e3s'])(
  '%j is not a duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test('a duration is written the way people write it', () => {
  expect([0, 450, 999.6, 30_000, 1_500, 90_000, 3_600_000, 7_500_000].map(formatDuration)).toEqual([
    '0ms',
    '450ms',
    '1s',
    '30s',
    '1.5s',
    '1m30s',
    '1h',
    '2h5m',
  ]);
});

test('a duration never has sixty of a unit that has a larger one', () => {
  fc.assert(
    fc.property(fc.constantFrom(1_000, 60_000, 3_600_000), fc.integer({ min: -99, max: 99 }), (unit, off) => {
      const ms = unit + off;
      expect(formatDuration(ms)).not.toMatch(/(?<!\d)(60[ms]|1000ms)/);
      expect(formatDuration(ms)).not.toBe('');
    }),
  );
});

test('what is written for whole seconds below a minute is read back as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 59 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1_000))).toBe(seconds * 1_000);
    }),
  );
});
