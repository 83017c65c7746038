import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Fault, KubeVerb } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { Goal } from '../migration/decision.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { drive } from './engine.ts';
import { readHistory, readStatus } from './journal.ts';
import { type ClusterName, FakeWorld } from './testdata/fake-world.ts';

const shift = (k8s: number): Goal => ({ do: 'shift', split: splitWithK8s(k8s) });

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(async () => {
  world = new FakeWorld();
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
});
afterEach(() => world.stop());

/** Tells every write that engines ask for from now on, whether or not it changes something: `cluster2 apply VirtualService`. */
function tellWrites(): string[] {
  const told: string[] = [];
  for (const cluster of ['cluster1', 'cluster2'] satisfies ClusterName[]) {
    const telling: Fault = ({ verb, args }, proceed) => {
      told.push(`${cluster} ${verb} ${(args[0] as KubeObject).kind}`);
      return proceed();
    };
    const verbs = ['apply', 'applyStatus', 'create', 'replace', 'delete'] satisfies KubeVerb[];
    world.faults[cluster] = Object.fromEntries(verbs.map((verb) => [verb, telling]));
  }
  return told;
}

test('an engine that wrote the side hosts itself writes nothing but the route for its next split', async () => {
  const told = tellWrites();
  await drive(world.engine(), { do: 'run', until: 'Completed' });
  const applied = told.filter((it) => it.startsWith('cluster2 apply'));
  const [first = 0, second = 0] = applied.flatMap((it, i) => (it.endsWith('VirtualService') ? [i] : []));
  // The hosts stand already: that they are another owner's now is said after the first split's route.
  expect(applied.slice(0, first)).toEqual([]);
  expect(applied.slice(first + 1, second)).toContain('cluster2 apply ServiceEntry');
  expect(applied.slice(second + 1)).toEqual([]);
});

test('a command that may not begin writes nothing, not even its Lease', async () => {
  const told = tellWrites();
  const refusal = { broken: ['a check'] };
  expect(await drive(world.engine(), shift(50), async () => refusal)).toBe(refusal);
  expect(told).toEqual([]);
});

test('whoever drove the migration while a command was still looking is not forgotten', async () => {
  const slow = drive(world.engine(), shift(50), async () => {
    await world.clock.wait(500);
    await drive(world.engine(), shift(20));
    return null;
  });
  expect(await slow).toMatchObject({ outcome: 'done' });
  const { epoch, splits } = await readStatus(world.engine());
  expect(splits.map(({ split }) => split.k8s)).toEqual([0, 20, 50]);
  expect(epoch).toBe(4);
});

test('a shift records what it does in three writes, and what was asked for is in the history', async () => {
  const told = tellWrites();
  await drive(world.engine(), shift(50));
  expect(told.filter((it) => it.endsWith('applyStatus Migration'))).toHaveLength(3);
  expect(told.filter((it) => it.endsWith('apply Migration'))).toHaveLength(0);
  const history = (await readHistory(world.engine())).map(({ what, message }) => `${what} ${message}`);
  expect(history.slice(-3)).toEqual([
    'command shift 50',
    'act shifting to vm 50 % · k8s 50 %: this split was asked for',
    'done shifting to vm 50 % · k8s 50 %',
  ]);
});
