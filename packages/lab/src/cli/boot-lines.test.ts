import { expect, test, vi } from 'vitest';
import { BootLines } from './boot-lines.ts';

test('what got ready is told with its time, and nothing is told of what merely starts', () => {
  const lines: string[] = [];
  const view = new BootLines((line) => lines.push(line));
  view.start();
  view.tell({ at: 0, name: 'cluster1/etcd', type: 'starting' });
  expect(lines).toEqual([]);
  view.tell({ at: 700, name: 'cluster1/etcd', type: 'ready', tookMs: 700 });
  view.end();
  expect(lines).toEqual([expect.stringContaining('cluster1/etcd ready (0.7 s)')]);
});

test('a boot is never silent for more than five seconds: it says what it waits for', () => {
  vi.useFakeTimers();
  try {
    const lines: string[] = [];
    const view = new BootLines((line) => lines.push(line));
    view.start();
    view.tell({ at: 0, name: 'cluster1/node', type: 'starting' });
    view.tell({ at: 0, name: 'cluster1/node', type: 'waiting', for: 'the bridge' });
    vi.advanceTimersByTime(5_000);
    expect(lines).toEqual([expect.stringContaining('waiting for cluster1/node (the bridge)')]);
    view.end();
    vi.advanceTimersByTime(20_000);
    expect(lines).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});
