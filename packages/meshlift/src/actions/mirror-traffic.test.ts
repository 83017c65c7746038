import { afterEach, expect, test, vi } from 'vitest';
import { drive } from '../engine/engine.ts';
import { readStatus } from '../engine/journal.ts';
import { FakeWorld, Killed } from '../engine/testdata/fake-world.ts';
import type { Goal } from '../migration/decision.ts';

vi.setConfig({ testTimeout: 60_000 });

const run: Goal = { do: 'run', until: 'Completed' };
const mirror = { methods: ['/shop.Catalog/List', '/shop.Catalog/Get*'], hold: '3s', percent: 50 };

let world: FakeWorld;
afterEach(() => world.stop());

function begin(): void {
  world = new FakeWorld({
    rollout: {
      steps: [20, 100],
      hold: '4s',
      gate: { interval: '1s', minRequests: 100 },
      mirror,
    },
  });
}

function mirroredRules(): readonly unknown[] {
  return (['cluster1', 'cluster2'] as const).flatMap((name) => {
    const { http = [] } = (world.object(name, 'VirtualService')?.spec ?? {}) as {
      http?: { mirrors?: unknown }[];
    };
    return http.filter(({ mirrors }) => mirrors !== undefined);
  });
}

test('before the first step the copy answers mirrored requests, and none of them is anybody’s share', async () => {
  begin();
  const { outcome, status } = await drive(world.engine(), run);
  expect(outcome).toBe('done');
  expect(status.mirrored).toMatchObject({ verdict: 'pass' });
  const steps = status.splits.map(({ split, reason }) => [split.k8s, /mirrored/.test(reason)]);
  expect(steps).toEqual([
    [0, false],
    [0, true],
    [0, false],
    [20, false],
    [100, false],
  ]);
  for (const { clusters } of status.splits.slice(0, 3))
    for (const { seen } of clusters) expect(seen?.k8s).toBe(0);
  expect(world.proxies.reduce((sum, { mirrored }) => sum + mirrored.succeeded, 0)).toBeGreaterThan(100);
  expect(mirroredRules()).toEqual([]);
  expect(world.lost).toBe(0);
});

test('a copy that fails mirrored requests gets no customer, and the mirror is taken away', async () => {
  begin();
  world.copyFailsEvery = 4;
  await expect(drive(world.engine(), run)).rejects.toMatchObject({
    code: 'mirror-failed',
    message: expect.stringMatching(/2\d(\.\d+)? % of \d+ requests to the k8s side failed.*no customer heard/),
  });
  const status = await readStatus(world.engine());
  expect(status).toMatchObject({ phase: 'Deployed', mirrored: { verdict: 'fail' } });
  expect(status.splits.every(({ split }) => split.k8s === 0)).toBe(true);
  expect(mirroredRules()).toEqual([]);
  expect(world.lost).toBe(0);

  world.copyFailsEvery = 0;
  expect((await drive(world.engine(), run)).outcome).toBe('done');
});

test('a copy that hears too little is not taken for good', async () => {
  world = new FakeWorld({ rollout: { gate: { interval: '1s', minRequests: 10_000 }, mirror } });
  await expect(drive(world.engine(), run)).rejects.toMatchObject({
    code: 'mirror-failed',
    message: expect.stringContaining('of the 10000 requests that a verdict needs'),
  });
});

test('an engine that is killed while it mirrors is followed by one that mirrors anew and goes on', async () => {
  begin();
  const doomed = drive(world.engine(), run);
  const killed = expect(doomed).rejects.toBeInstanceOf(Killed);
  while (!world.events.some(({ code }) => code === 'mirror')) await world.clock.wait(100);
  expect(mirroredRules()).toHaveLength(2);
  world.killEngines();
  await killed;
  await world.clock.wait(60_000); // its Lease runs out
  const { outcome, status } = await drive(world.engine(), run);
  expect(outcome).toBe('done');
  expect(status.mirrored?.verdict).toBe('pass');
  expect(mirroredRules()).toEqual([]);
  expect(world.lost).toBe(0);
});
