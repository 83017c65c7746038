import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drive } from './engine.ts';
import { FakeWorld } from './testdata/fake-world.ts';

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

test.each(['this service', 'every service'] as const)(
  'workloads whose Sidecar leaves %s out are neither waited for nor counted',
  async (leftOut) => {
    world.addBystander('cluster1', 'mailservice-1', leftOut);
    const { outcome, status } = await drive(world.engine(), { do: 'run', until: 'Retired' });
    expect(outcome).toBe('done');
    expect(world.lost).toBe(0);
    for (const { clusters } of status.splits) {
      for (const { cluster, proxies } of clusters) {
        // Its two callers, and the copy's own sidecar once there is a copy.
        if (cluster === 'cluster1') expect([2, 3]).toContain(proxies.total);
        expect(proxies.acknowledged).toBe(proxies.total);
      }
    }
    // Meanwhile, nobody is said to be missing who turns out not to call it.
    const told = world.events.flatMap(
      ({ message }) => /^\d+ of (\d+) proxies in cluster1 serve it\b/.exec(message)?.[1] ?? [],
    );
    expect(new Set(told)).toEqual(new Set(['2']));
    const at = (code: string) =>
      world.events
        .filter((it) => it.code === code && it.data.cluster === 'cluster1')
        .map(({ time }) => Date.parse(time));
    const written = at('split-written');
    for (const [i, time] of at('split-acknowledged').entries())
      expect(time - (written[i] ?? 0)).toBeLessThan(400);
  },
);
