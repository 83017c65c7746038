import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drive } from './engine.ts';
import { FakeWorld } from './testdata/fake-world.ts';

/** From the first bad answer until every cluster is back on the vm side, verified; metrics read every second. */
const backWithinMs = 5_000;

let world: FakeWorld;
beforeEach(() => {
  // Far more requests than there will be: what is obvious must not wait for them.
  world = new FakeWorld({
    rollout: { steps: [20, 100], hold: '2m', gate: { interval: '1s', minRequests: 5_000 } },
  });
});
afterEach(() => world.stop());
vi.setConfig({ testTimeout: 60_000 });

test('a copy that fails one in five from its first request on is left within seconds', async () => {
  world.copyFailsEvery = 5;
  const ending = await drive(world.engine(), { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('rolledBack');
  const [, bad, back] = ending.status.splits;
  expect([bad?.split.k8s, back?.split.k8s]).toEqual([20, 0]);
  const took = Date.parse(ending.status.agreed?.at ?? '') - Date.parse(bad?.at ?? '');
  expect(took).toBeLessThan(backWithinMs);
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
});

test('a copy that turns bad while it has its 20 % is left within seconds', async () => {
  let turnedBadAt = 0;
  void (async () => {
    while (!world.events.some(({ code }) => code === 'gate')) await world.clock.wait(100);
    await world.clock.wait(3_000);
    world.copyFailsEvery = 5;
    turnedBadAt = world.clock.now();
  })();
  const ending = await drive(world.engine(), { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('rolledBack');
  expect(Date.parse(ending.status.agreed?.at ?? '') - turnedBadAt).toBeLessThan(backWithinMs);
  const told = ending.status.traffic;
  // What it cost is in the record: callers saw these answers.
  expect(told?.sides.k8s.failed).toBeGreaterThan(0);
  expect(told?.failed).toBe(told?.sides.k8s.failed);
});

test('a copy that turns bad after long good service is left as soon, however many verdicts the gate may ask for', async () => {
  world.stop();
  const gate = { interval: '1s', minRequests: 100, failures: 20 };
  world = new FakeWorld({ rollout: { steps: [20, 100], hold: '5m', gate } });
  let turnedBadAt = 0;
  void (async () => {
    while (!world.events.some(({ code }) => code === 'gate')) await world.clock.wait(100);
    await world.clock.wait(90_000);
    world.copyFailsEvery = 5;
    turnedBadAt = world.clock.now();
  })();
  const ending = await drive(world.engine(), { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('rolledBack');
  expect(turnedBadAt).toBeGreaterThan(0);
  expect(Date.parse(ending.status.agreed?.at ?? '') - turnedBadAt).toBeLessThan(backWithinMs);
});
