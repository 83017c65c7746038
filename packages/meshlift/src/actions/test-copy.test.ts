import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drive } from '../engine/engine.ts';
import { readStatus } from '../engine/journal.ts';
import { FakeWorld, Killed } from '../engine/testdata/fake-world.ts';
import { allOnVm } from '../migration/traffic-split.ts';

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

function testCallers(): readonly string[] {
  return (['cluster1', 'cluster2'] as const).flatMap((name) =>
    world.clusters[name]
      .objects()
      .filter(({ metadata }) => metadata.labels?.['meshlift.dev/test-caller'])
      .map(() => name),
  );
}

async function joined(): Promise<void> {
  await drive(world.engine(), { do: 'join' });
}

test('the copy is called from every member before it counts as deployed, and no caller is left behind', async () => {
  await joined();
  await drive(world.engine(), { do: 'deploy' });
  expect(new Set(world.copyTests.map(({ cluster }) => cluster))).toEqual(new Set(['cluster1', 'cluster2']));
  expect((await readStatus(world.engine())).phase).toBe('Deployed');
  expect(testCallers()).toEqual([]);
});

test('a copy that one member’s callers can’t reach is not deployed: the member and the answer are named', async () => {
  await joined();
  world.copyUnreachableFrom.add('cluster1');
  await expect(drive(world.engine(), { do: 'deploy' })).rejects.toMatchObject({
    code: 'copy-not-answering',
    message: expect.stringMatching(/cluster1.*status 14: upstream connect error/),
  });
  const status = await readStatus(world.engine());
  expect(status.phase).toBe('Joined');
  expect(status.agreed?.split).toEqual(allOnVm);
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
  expect(testCallers()).toEqual([]);
  expect(world.lost).toBe(0);

  world.copyUnreachableFrom.clear();
  await drive(world.engine(), { do: 'deploy' });
  expect((await readStatus(world.engine())).phase).toBe('Deployed');
});

test('a call that gets lost on its way is made again in time', async () => {
  await joined();
  world.losesCopyTests = 3; // both members' first, and one of them another
  await drive(world.engine(), { do: 'deploy' });
  expect((await readStatus(world.engine())).phase).toBe('Deployed');
});

test('a caller that a killed engine left is replaced by the next one', async () => {
  await joined();
  const doomed = world.engine();
  let seen = 0;
  world.clusters.cluster1.onWrite(({ verb, object }) => {
    if (verb === 'create' && object.metadata.labels?.['meshlift.dev/test-caller']) {
      seen += 1;
      if (seen === 1) world.killEngines();
    }
  });
  await expect(drive(doomed, { do: 'deploy' })).rejects.toBeInstanceOf(Killed);
  expect(testCallers()).toContain('cluster1');
  await world.clock.wait(60_000); // its Lease runs out
  await drive(world.engine(), { do: 'deploy' });
  expect(seen).toBe(2);
  expect(testCallers()).toEqual([]);
});

test('a caller that got no sidecar would not call through the mesh, so its answer is not asked for', async () => {
  await joined();
  world.injects = false;
  await expect(drive(world.engine(), { do: 'deploy' })).rejects.toMatchObject({
    message: expect.stringContaining('no sidecar in namespace default'),
  });
  expect(world.copyTests).toEqual([]);
  expect(testCallers()).toEqual([]);
});

test('told to leave the test out, deploying starts no caller and says so', async () => {
  world.stop();
  world = new FakeWorld({ workload: { manifests: ['a.yaml'], suffix: 'gke', test: 'off' } });
  await joined();
  await drive(world.engine(), { do: 'deploy' });
  expect(world.copyTests).toEqual([]);
  expect(world.events.some(({ code, level }) => code === 'copy-test' && level === 'warning')).toBe(true);
});
