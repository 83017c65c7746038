import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PartsProgress, progressLine, reporting } from './progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('reporting', () => {
  it('is never silent, even while a step reports nothing', async () => {
    const sent: PartsProgress[] = [];
    const work = reporting(
      (progress) => sent.push(progress),
      async (reporter) => {
        reporter.doing('linking istioctl');
        await new Promise((resolve) => setTimeout(resolve, 10_000));
      },
    );
    await vi.advanceTimersByTimeAsync(10_000);
    await work;
    expect(sent.length).toBeGreaterThanOrEqual(10);
    expect(sent.at(-1)).toMatchObject({ doing: 'linking istioctl' });
    expect(sent.at(-1)?.elapsedMs).toBeGreaterThanOrEqual(9000);
  });

  it('is silent afterwards, also when the work failed', async () => {
    const send = vi.fn();
    await expect(reporting(send, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    send.mockClear();
    await vi.advanceTimersByTimeAsync(5000);
    expect(send).not.toHaveBeenCalled();
  });
});

describe('progressLine', () => {
  it('says what is done, for how long, how long it will take and how far each part is', () => {
    expect(
      progressLine({
        doing: 'compiling k8s.io/api/core/v1',
        elapsedMs: 125_400,
        remainingMs: 354_600,
        parts: [
          { name: 'envoy', state: 'ready', done: 1 },
          { name: 'kubelet', state: 'compiling', done: 0.619 },
          { name: 'istioctl', state: 'linking', done: 1 },
          { name: 'etcd', state: 'waiting', done: 0 },
        ],
      }),
    ).toBe(
      'parts 2m 5s of about 8m: compiling k8s.io/api/core/v1 (1 of 4 ready; kubelet 61 %, istioctl linking)',
    );
  });

  it('claims no end before there is something to base it on', () => {
    expect(
      progressLine({ doing: 'fetching Go modules', elapsedMs: 3000, remainingMs: null, parts: [] }),
    ).toBe('parts 3s: fetching Go modules');
  });
});
