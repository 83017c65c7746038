import { afterEach, expect, test, vi } from 'vitest';
import type { GateSituation, GateVerdict, UserGate } from '../effects/gate/port.ts';
import { drive } from './engine.ts';
import { FakeWorld } from './testdata/fake-world.ts';

let world: FakeWorld;
afterEach(() => world.stop());
// A minute of the fake clock is a second of ours, or several on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** A gate that takes its time, and says what it is told to. */
function gate(
  say: (situation: GateSituation) => GateVerdict,
): UserGate & { readonly asked: GateSituation[] } {
  const asked: GateSituation[] = [];
  return {
    name: 'orders',
    asked,
    async ask(situation) {
      asked.push(situation);
      await world.clock.wait(700);
      return { gate: 'orders', verdict: say(situation), because: 'the orders of today' };
    },
  };
}

test('a migration goes on when the user’s gate passes at every split', async () => {
  world = new FakeWorld();
  const orders = gate(() => 'pass');
  const ending = await drive({ ...world.engine(), gates: [orders] }, { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('done');
  expect([...new Set(orders.asked.map(({ split }) => split.k8s))]).toEqual([20, 100]);
  expect(orders.asked[0]).toMatchObject({ migration: 'productcatalog', service: 'productcatalogservice' });
  expect(ending.status.verdicts.some(({ because }) => because.includes('passed as well: orders'))).toBe(true);
});

test('everything goes back to the VM when the user’s gate fails as often as the gate may', async () => {
  world = new FakeWorld();
  const orders = gate(({ split }) => (split.k8s === 100 ? 'fail' : 'pass'));
  const ending = await drive({ ...world.engine(), gates: [orders] }, { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('rolledBack');
  expect(ending.because).toContain('gate orders: the orders of today');
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
});

test('a gate that can’t answer holds what stands, and takes nothing back', async () => {
  world = new FakeWorld({ deadlines: { agree: '10s', observe: '5s', ready: '30s', metrics: '8s' } });
  const orders = gate(() => 'error');
  const ending = await drive({ ...world.engine(), gates: [orders] }, { do: 'run', until: 'Completed' });
  expect(ending.outcome).toBe('held');
  expect(ending.because).toContain('gate orders: the orders of today');
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([20]));
});
