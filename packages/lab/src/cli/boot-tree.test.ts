import { expect, test } from 'vitest';
import { renderTree } from './boot-tree.ts';

const line = (more: object) => ({
  state: 'ready' as const,
  startedAt: 0,
  tookMs: 0,
  waitingFor: '',
  ...more,
});

test('a block counts what is ready in its line, and below it what each other part waits for and since when', () => {
  const lines = new Map([
    ['cluster1/etcd', line({ tookMs: 700 })],
    ['cluster1/apiserver', line({ state: 'starting', startedAt: 1000, waitingFor: 'etcd' })],
    ['vm', line({ tookMs: 300 })],
  ]);
  expect(renderTree(lines, 3500, 24)).toEqual([
    '○ cluster1  1 ready, the slowest in 0.7 s',
    '  · apiserver 2.5 s  waits for etcd',
    '● vm  1 ready, the slowest in 0.3 s',
  ]);
});

test('what failed is marked', () => {
  const failed = new Map([['cluster1/gateways', line({ state: 'failed' })]]);
  expect(renderTree(failed, 0, 24)[1]).toContain('✗ gateways');
});

test('a terminal of few rows is never overfull, and every block keeps its line and its share', () => {
  const starting = line({ state: 'starting' });
  const names = ['a', 'b', 'c', 'd'].flatMap((part) => [`cluster1/${part}`, `cluster2/${part}`]);
  const lines = new Map([...names, 'vm'].map((name) => [name, starting]));
  const tree = renderTree(lines, 1000, 10);
  expect(tree).toEqual([
    '○ cluster1  0 ready',
    '  · a 1.0 s',
    '  … 3 more',
    '○ cluster2  0 ready',
    '  · a 1.0 s',
    '  … 3 more',
    '○ vm  0 ready',
    '  · vm 1.0 s',
  ]);
  for (const rows of [3, 4, 6, 9, 12, 15])
    expect(renderTree(lines, 1000, rows).length).toBeLessThanOrEqual(rows);
});
