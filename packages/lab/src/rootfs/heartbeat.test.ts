import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withHeartbeat } from './heartbeat.ts';

describe('the heartbeat of a long piece of work', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is never silent for five seconds, and ends with the work', async () => {
    const told: [number, string][] = [];
    const started = Date.now();
    const work = withHeartbeat(
      (text) => told.push([(Date.now() - started) / 1000, text]),
      () => `${(Date.now() - started) / 1000} s`,
      async (doing) => {
        doing('unpacking');
        await new Promise((resolve) => setTimeout(resolve, 9_000));
        doing('packing');
        await new Promise((resolve) => setTimeout(resolve, 3_000));
      },
    );
    await vi.advanceTimersByTimeAsync(30_000);
    await work;
    expect(told).toEqual([
      [0, 'unpacking'],
      [4, 'still unpacking (4 s)'],
      [8, 'still unpacking (8 s)'],
      [9, 'packing'],
    ]);
  });

  it('stops when the work fails', async () => {
    const tell = vi.fn();
    const work = withHeartbeat(
      tell,
      () => '',
      async () => Promise.reject(new Error('no')),
    );
    await expect(work).rejects.toThrow('no');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(tell).not.toHaveBeenCalled();
  });
});
