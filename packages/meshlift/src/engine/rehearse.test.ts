import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { leaveMesh } from '../actions/leave-vm.ts';
import type { PlannedObject } from '../actions/plan.ts';
import { readOnly } from '../effects/kube/read-only.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Goal } from '../migration/decision.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { type EngineContext, withHands } from './context.ts';
import { drive } from './engine.ts';
import { openJournal, readStatus } from './journal.ts';
import { rehearse } from './rehearse.ts';
import { FakeWorld } from './testdata/fake-world.ts';

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

const shift: Goal = { do: 'shift', split: splitWithK8s(20) };

/** Hands that can't write: whatever a rehearsal would want to change fails the test. */
function looking(): EngineContext {
  return withHands(world.engine(), ({ kube }) => readOnly(kube));
}

/** All that is stored, but for who owned the migration last. */
function objects(): string {
  const { cluster1, cluster2 } = world.clusters;
  return JSON.stringify(
    [cluster1, cluster2].map((it) => it.objects().filter(({ kind }) => kind !== 'Lease')),
  );
}

function names(planned: readonly PlannedObject[]): readonly string[] {
  return planned.map(({ change, cluster, object }) => `${change} ${object.kind} in ${cluster}`);
}

async function shifted(k8s: number): Promise<void> {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  if (k8s > 0) await drive(world.engine(), { do: 'shift', split: splitWithK8s(k8s) });
}

describe('a rehearsal', () => {
  test('of joining tells everything that would be made, and what happens on the VM, and makes nothing', async () => {
    const before = objects();
    const { decision, objects: planned, onVm } = await rehearse(looking(), { do: 'run', until: 'Completed' });
    expect(decision).toMatchObject({ kind: 'act', act: { do: 'join' } });
    expect(names(planned)).toContain('create WorkloadGroup in cluster1');
    expect(names(planned)).toContain('create VirtualService in cluster2');
    expect(onVm).toContain('sidecar');
    expect(objects()).toBe(before);
    expect(world.vm.version).toBe(0);
  });

  test('of a shift is the change of the route in every cluster, before and after', async () => {
    await shifted(0);
    const before = objects();
    const { objects: planned } = await rehearse(looking(), shift);
    expect(names(planned)).toEqual([
      'change VirtualService in cluster1',
      'change VirtualService in cluster2',
    ]);
    expect(JSON.stringify(planned[0]?.before)).toContain('"weight":100');
    expect(JSON.stringify(planned[0]?.after)).toContain('"weight":20');
    expect(objects()).toBe(before);
  });

  test('of what is done already has nothing to write', async () => {
    await shifted(20);
    const { decision, objects: planned } = await rehearse(looking(), shift);
    expect(decision).toMatchObject({ kind: 'stop', outcome: 'done' });
    expect(planned).toEqual([]);
  });

  test('of completing names exactly the objects that completing then takes away', async () => {
    await shifted(100);
    await (await openJournal({ ...world.engine(), epoch: 0 })).record({ phase: 'Shifted' });
    const ours = () =>
      (['cluster1', 'cluster2'] as const).flatMap((cluster) =>
        world.traces(cluster).map((trace) => `${trace} in ${cluster}`),
      );
    const { objects: planned } = await rehearse(looking(), { do: 'complete' });
    const before = ours();
    await drive(world.engine(), { do: 'complete' });
    const after = new Set(ours());
    const gone = before.filter((it) => !after.has(it)).toSorted();
    expect(gone.length).toBeGreaterThan(5);
    expect(
      planned.map(({ cluster, object }) => `${object.kind} ${object.metadata.name} in ${cluster}`).toSorted(),
    ).toEqual(gone);
  });
});

describe('leaving the mesh by itself', () => {
  test('is refused while callers reach the service on the VM, and changes nothing', async () => {
    await shifted(20);
    const before = objects();
    const error = await leaveMesh(world.engine(), false).catch((it: unknown) => it);
    expect(isMeshliftError(error, 'wrong-phase') && error.next).toContain('meshlift vm leave --force');
    expect(world.vm.running).toBe(true);
    expect(objects()).toBe(before);
  });

  test('takes the sidecar away when it is forced, and the migration is where it began', async () => {
    await shifted(0);
    const { changed } = await leaveMesh(world.engine(), true);
    expect(changed).toContain('stopped istio');
    expect(world.vm.running).toBe(false);
    expect((await readStatus(world.engine())).phase).toBe('Planned');
  });

  test('of a VM that never joined changes nothing', async () => {
    expect(await leaveMesh(world.engine(), false)).toEqual({ changed: [] });
  });
});
