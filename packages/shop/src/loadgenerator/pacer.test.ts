import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pace } from './pacer.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the pacer', () => {
  it('makes exactly so many due as the rate says', () => {
    let due = 0;
    const pacer = pace(50, () => {
      due += 1;
    });
    vi.advanceTimersByTime(2000);
    pacer.stop();
    expect(due).toBe(101); // the first at once
    vi.advanceTimersByTime(2000);
    expect(due).toBe(101);
  });

  it('hands out after a stall all that became due in it, with the moments at which it was due', async () => {
    vi.useRealTimers();
    const moments: { due: number; late: number }[] = [];
    await new Promise<void>((resolve) => {
      const pacer = pace(100, (at) => {
        moments.push({ due: at, late: performance.now() - at });
        if (moments.length === 2) {
          const until = performance.now() + 95;
          while (performance.now() < until);
        }
        if (moments.length === 12) {
          pacer.stop();
          resolve();
        }
      });
    });
    for (const [index, { due }] of moments.entries()) {
      expect(due - (moments[0]?.due ?? 0)).toBeCloseTo(index * 10, 6);
    }
    expect(moments[2]?.late).toBeGreaterThan(80);
  });

  it('does nothing at a rate of zero', () => {
    pace(0, () => expect.unreachable()).stop();
    vi.advanceTimersByTime(10_000);
  });
});
