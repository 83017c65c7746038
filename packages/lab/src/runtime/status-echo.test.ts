import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StatusEcho } from './status-echo.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('an event is echoed for two seconds and then no more', () => {
  const told: string[] = [];
  new StatusEcho((podId) => told.push(podId)).after('p1');
  vi.advanceTimersByTime(100);
  expect(told).toEqual(['p1']);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(5);
});

it('a further event begins the while anew, for its own pod only', () => {
  const told: string[] = [];
  const echo = new StatusEcho((podId) => told.push(podId));
  echo.after('p1');
  echo.after('p2');
  vi.advanceTimersByTime(1_500);
  echo.after('p1');
  vi.advanceTimersByTime(60_000);
  expect(told.filter((each) => each === 'p2')).toHaveLength(5);
  expect(told.filter((each) => each === 'p1')).toHaveLength(9);
});
