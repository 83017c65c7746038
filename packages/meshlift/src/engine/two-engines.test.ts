import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { unreachable } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import type { Goal } from '../migration/decision.ts';
import { allOnVm, splitWithK8s } from '../migration/traffic-split.ts';
import type { EngineContext } from './context.ts';
import { drive } from './engine.ts';
import { readStatus } from './journal.ts';
import { FakeWorld, Freeze, Killed } from './testdata/fake-world.ts';

const run: Goal = { do: 'run', until: 'Retired' };
const rollback: Goal = { do: 'rollback' };
const shift = (k8s: number): Goal => ({ do: 'shift', split: splitWithK8s(k8s) });

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

async function driveAll(context: EngineContext, ...goals: readonly Goal[]): Promise<void> {
  for (const goal of goals) await drive(context, goal);
}

function refusalOf(work: Promise<unknown>): Promise<MeshliftError> {
  return work.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => {
      if (error instanceof MeshliftError) return error;
      throw error;
    },
  );
}

/** What is stored in every cluster, but for the Leases. */
function stored(): readonly KubeObject[] {
  return Object.values(world.clusters).flatMap((cluster) =>
    cluster.objects().filter(({ kind }) => kind !== 'Lease'),
  );
}

function routes(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.filter(({ kind }) => kind === 'VirtualService');
}

function holders(): readonly (string | undefined)[] {
  return Object.values(world.clusters).map((cluster) => {
    const lease = cluster.objects().find(({ kind }) => kind === 'Lease');
    return (lease?.spec as { holderIdentity?: string } | undefined)?.holderIdentity;
  });
}

describe('a second engine', () => {
  test('is refused as long as the first is alive, and told who that is and since when', async () => {
    const begun = new Date(world.clock.now()).toISOString().slice(0, 19);
    const first = drive({ ...world.engine(), by: 'anna@laptop' }, run);
    await world.clock.wait(12_000);
    const failure = await refusalOf(drive(world.engine(), shift(5)));
    expect(failure.code).toBe('owned-by-another');
    expect(failure.why).toMatch(/^anna@laptop\/\d+\/\w+ is driving it since /);
    expect(failure.why).toContain(begun);
    expect((await first).outcome).toBe('done');
  });

  test('takes over from one that has died, once its hold has run out', async () => {
    await expect(drive(world.engine({ killAfter: 60 }), run)).rejects.toBeInstanceOf(Killed);
    expect(isMeshliftError(await refusalOf(drive(world.engine(), run)), 'owned-by-another')).toBe(true);
    await world.clock.wait(16_000);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.events.some(({ code, level }) => code === 'owner' && level === 'warning')).toBe(true);
  });

  test('whose clock is far ahead does not take a living engine for a dead one', async () => {
    const first = drive(world.engine(), run);
    await world.clock.wait(7_000);
    const ahead = world.engine();
    const clock = { ...ahead.clock, now: () => ahead.clock.now() + 60_000 };
    const failure = await refusalOf(drive({ ...ahead, clock }, shift(5)));
    expect(failure.code).toBe('owned-by-another');
    expect((await first).outcome).toBe('done');
  });

  test('is refused where it sees the first in one cluster only', async () => {
    await driveAll(world.engine(), { do: 'join' });
    const first = drive(world.engine(), run);
    await world.clock.wait(2_000);
    const lease = world.object('cluster1', 'Lease');
    if (lease) world.clusters.cluster1.put({ ...lease, spec: { leaseTransitions: 2 } });
    const failure = await refusalOf(drive(world.engine(), run));
    expect(failure.why).toContain('Lease in cluster2');
    await first.catch(() => undefined);
  });
});

test('a rollback takes over from an engine that is alive, which stops, and nothing is lost', async () => {
  await driveAll(world.engine(), { do: 'join' }, { do: 'deploy' });
  const first = refusalOf(drive(world.engine(), run));
  await world.clock.wait(3_000);
  const ending = await drive({ ...world.engine(), by: 'olga@desk' }, rollback);
  expect(ending.outcome).toBe('done');
  const failure = await first;
  expect(failure.code).toBe('owned-by-another');
  await world.clock.wait(60_000);
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
  const { agreed, epoch } = await readStatus(world.engine());
  expect([agreed?.split, epoch]).toEqual([allOnVm, 4]);
  expect(world.lost).toBe(0);
});

test('a rollback that is refused stops nobody: the engine at work takes everything to the copy', async () => {
  await driveAll(world.engine(), { do: 'join' }, { do: 'deploy' }, shift(50));
  const first = drive({ ...world.engine(), by: 'anna@laptop' }, run);
  await world.clock.wait(3_000);
  world.setVmAlive(false);
  await world.clock.wait(1_000);
  const ending = await drive({ ...world.engine(), by: 'olga@desk' }, rollback);
  expect(ending).toMatchObject({
    outcome: 'refused',
    because: expect.stringContaining('the VM is not healthy'),
  });
  expect(holders()).toEqual([expect.stringContaining('anna@laptop'), expect.stringContaining('anna@laptop')]);
  expect((await first).outcome).toBe('done');
  expect(world.lost).toBe(0);
});

test('the Leases are held in every cluster while an engine works, given up afterwards, and gone in the end', async () => {
  const working = drive({ ...world.engine(), by: 'anna@laptop' }, { do: 'join' });
  await world.clock.wait(500);
  expect(holders()).toEqual([expect.stringContaining('anna@laptop'), expect.stringContaining('anna@laptop')]);
  await working;
  expect(holders()).toEqual([undefined, undefined]);
  expect(world.object('cluster2', 'Lease')).toBeDefined();
  await drive(world.engine(), run);
  expect(world.object('cluster1', 'Lease')).toBeUndefined();
  expect(world.object('cluster2', 'Lease')).toBeUndefined();
});

function versionOf({ kind, metadata }: KubeObject): string {
  return `${metadata.uid} ${kind} ${metadata.name} ${metadata.resourceVersion}`;
}

/** Everything that makes and changes objects; and everything that takes them away. */
const forward: readonly Goal[] = [{ do: 'join' }, { do: 'deploy' }, shift(20)];
const forwardAgain: readonly Goal[] = [...forward, shift(100)];
const back: readonly Goal[] = [rollback, shift(50)];

test.each<[string, readonly Goal[], readonly Goal[]]>([
  ['makes', [], forwardAgain],
  ['takes away', [...forward, shift(100)], back],
])(
  'an engine that stood still before any of its writes, while it %s things, undoes nothing of its successor’s',
  async (_what, before, second) => {
    await driveAll(world.engine(), ...before);
    world.effective.length = 0;
    await drive(world.engine(), run);
    // Before its first write, its Lease, it owns nothing yet; with its last ones it gives its Leases up.
    const writes = world.effective.slice(1, -2);
    expect(writes.length).toBeGreaterThan(20);
    let refused = 0;
    for (const nth of writes) {
      world.stop();
      world = new FakeWorld();
      await driveAll(world.engine(), ...before);
      const freeze = new Freeze(nth);
      const old = drive(world.engine({ freeze }), run).then(
        () => null,
        (error: unknown) => error,
      );
      await Promise.race([freeze.frozen, old]);
      const asLeft = new Set(stored().map(versionOf));
      await world.clock.wait(16_000);
      await driveAll(world.engine(), ...second);
      const after = stored();
      const written = after.filter((object) => !asLeft.has(versionOf(object)));
      freeze.thaw();
      const end = await old;
      await world.clock.wait(20_000);
      const inTheEnd = stored();
      expect(inTheEnd, `write ${nth}`).toEqual(expect.arrayContaining([...written]));
      expect(routes(inTheEnd), `write ${nth}`).toEqual(routes(after));
      if (isMeshliftError(end, 'owned-by-another')) refused += 1;
      else expect(end, `write ${nth}`).toBeNull();
      expect(world.lost, `write ${nth}`).toBe(0);
    }
    expect(refused).toBeGreaterThan(writes.length / 2);
  },
  600_000,
);

describe('nothing of a retired migration is left', () => {
  /** Cuts a cluster off as soon as its Lease, the last of the migration there, is to be removed. */
  function cutAtTheEnd(cluster: 'cluster2', lasts: number): void {
    world.faults[cluster] = {
      delete: async (call, proceed) => {
        if ((call.args[0] as KubeObject).kind !== 'Lease') return proceed();
        world.faults[cluster] = {};
        world.cut.add(cluster);
        void world.clock.wait(lasts).then(() => world.cut.delete(cluster));
        return unreachable(call, proceed);
      },
    };
  }

  test('in a cluster that did not answer at the end: it is waited for', async () => {
    cutAtTheEnd('cluster2', 12_000);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.traces('cluster2')).toEqual([]);
    expect(world.events.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('waiting for cluster2 to answer'),
    );
  });

  test('in one that stays away for longer, once the command is repeated as it says', async () => {
    cutAtTheEnd('cluster2', 3_600_000);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.events.at(-1)?.message).toContain('meshlift retire tries once more');
    world.cut.delete('cluster2');
    expect((await drive(world.engine(), { do: 'retire' })).outcome).toBe('done');
    expect(world.traces('cluster2')).toEqual([]);
  });
});
