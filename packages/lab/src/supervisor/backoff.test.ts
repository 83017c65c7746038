import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('the wait doubles up to ten seconds', () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 8 }, () => backoff.delayAfter(0))).toEqual([
    200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
  ]);
});

test('a process that ran for half a minute starts the count anew', () => {
  const backoff = new Backoff();
  backoff.delayAfter(0);
  backoff.delayAfter(0);
  expect(backoff.delayAfter(30_000)).toBe(200);
});
