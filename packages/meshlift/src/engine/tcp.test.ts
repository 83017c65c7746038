import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Goal } from '../migration/decision.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { drive } from './engine.ts';
import { FakeWorld } from './testdata/fake-world.ts';

vi.setConfig({ testTimeout: 60_000 });

const run: Goal = { do: 'run', until: 'Retired' };

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld({ service: { name: 'productcatalogservice', port: 3550, protocol: 'tcp' } });
});
afterEach(() => world.stop());

test('a TCP service moves: its splits are acknowledged in the listeners, and seen in the connections made', async () => {
  const { outcome, status } = await drive(world.engine(), run);
  expect(outcome).toBe('done');
  expect(status.phase).toBe('Retired');
  expect(world.lost).toBe(0);
  for (const { split, clusters } of status.splits) {
    for (const { seen, acknowledgedMs, proxies } of clusters) {
      expect(seen?.k8sPercent).toBeCloseTo(split.k8s, -1);
      expect(acknowledgedMs).toBeGreaterThan(100);
      expect(proxies.total).toBeGreaterThan(0);
      expect(proxies.acknowledged).toBe(proxies.total);
    }
  }
  // Each connection is counted once, though proxies count its beginning and its end.
  expect(status.traffic?.requests).toBeLessThanOrEqual(world.answered);
  expect(status.traffic?.requests).toBeGreaterThan(0.9 * world.answered);
});

test('connections that stay on the VM are told as what they are', async () => {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  for (const proxy of world.proxies) proxy.streams.vm = proxy.name === 'frontend-1' ? 2 : 0;
  await drive(world.engine(), { do: 'shift', split: splitWithK8s(100) });
  expect(world.events.find(({ code }) => code === 'still-running')?.message).toMatch(
    /^2 connections that began before still run on the vm side/,
  );
});

test('a proxy that takes no new listeners keeps a split from being agreed', async () => {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  const stuck = world.proxies.find(({ name }) => name === 'frontend-1');
  if (!stuck) throw new TypeError('no frontend');
  stuck.lagMs = Number.POSITIVE_INFINITY;
  await expect(drive(world.engine(), { do: 'shift', split: splitWithK8s(20) })).rejects.toMatchObject({
    code: 'not-agreed',
    message: expect.stringContaining('frontend-1.default'),
  });
});
