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
  expect(renderTree(lines, 3500)).toEqual([
    '○ cluster1  1 ready, the slowest in 0.7 s',
    '  · apiserver 2.5 s  waits for etcd',
    '● vm  1 ready, the slowest in 0.3 s',
  ]);
});

test('what failed is marked', () => {
  expect(renderTree(new Map([['cluster1/gateways', line({ state: 'failed' })]]), 0)[1]).toContain(
    '✗ gateways',
  );
});
