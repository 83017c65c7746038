import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EndWaiters } from './end-waiters.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('everybody who waits for a container learns of its end, and nobody else', async () => {
  const waiters = new EndWaiters();
  const waits = [waiters.wait('a', 1_000), waiters.wait('a', 2_000), waiters.wait('b', 1_000)];
  waiters.ended('a');
  vi.advanceTimersByTime(1_000);
  expect(await Promise.all(waits)).toEqual([true, true, false]);
});

it('who has waited long enough is not told later', async () => {
  const waiters = new EndWaiters();
  const wait = waiters.wait('a', 1_000);
  vi.advanceTimersByTime(1_000);
  waiters.ended('a');
  expect(await wait).toBe(false);
});
