import { expect, it } from 'vitest';
import { stops } from '../../checks/check.ts';
import { type ClusterName, SoundWorld } from '../../checks/testdata/sound-world.ts';
import { type Fault, unreachable } from '../../effects/kube/faults.ts';
import { MeshliftError } from '../../errors/error.ts';
import { splitWithK8s } from '../../migration/traffic-split.ts';
import { preflight } from './preflight.ts';

const reads = ['get', 'list', 'version', 'now', 'podGet', 'forwardedGet', 'may'] as const;

/** Answers how to let it speak again. */
function silence(world: SoundWorld, cluster: ClusterName): () => void {
  const faults: NonNullable<SoundWorld['faults'][ClusterName]> = {};
  for (const verb of reads) faults[verb] = unreachable;
  world.faults[cluster] = faults;
  return () => {
    for (const verb of reads) delete faults[verb];
  };
}

async function look(world: SoundWorld): Promise<{ stopping: string[]; seconds: number }> {
  const began = world.clock.now();
  const stop = world.clock.autoAdvance();
  const results = await preflight(world.context(), { do: 'join' });
  stop();
  return {
    stopping: results.filter(stops).map(({ id }) => id),
    seconds: (world.clock.now() - began) / 1_000,
  };
}

it('a cluster that is too busy to answer for a moment stops nothing', async () => {
  const world = new SoundWorld();
  void world.clock.wait(6_000).then(silence(world, 'cluster2'));
  expect((await look(world)).stopping).toEqual([]);
});

it('a cluster that stays silent is told after a while', async () => {
  const world = new SoundWorld();
  silence(world, 'cluster2');
  const { stopping, seconds } = await look(world);
  expect(stopping).toContain('clusters-reachable');
  expect(seconds).toBeGreaterThanOrEqual(15);
  expect(seconds).toBeLessThan(20);
});

it('a shift is stopped by a route of somebody else’s on the name, and asks nothing of the VM', async () => {
  const world = new SoundWorld();
  world.sshFailure = new MeshliftError('ssh-denied', { where: 'VM', why: 'no key', next: 'add one' });
  const shift = () => preflight(world.context(), { do: 'shift', split: splitWithK8s(20) });
  expect((await shift()).filter(stops)).toEqual([]);
  world.clusters.cluster2.put({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'theirs', namespace: 'default' },
    spec: { hosts: ['productcatalogservice'], http: [] },
  });
  expect((await shift()).filter(stops).map(({ id }) => id)).toEqual(['mesh-no-other-virtualservice']);
});

it('a shift asks few questions, and a rollback none', async () => {
  const world = new SoundWorld();
  let questions = 0;
  for (const cluster of ['cluster1', 'cluster2'] as const) {
    const count: Fault = async (_call, proceed) => {
      questions += 1;
      return proceed();
    };
    world.faults[cluster] = Object.fromEntries(reads.map((verb) => [verb, count]));
  }
  await preflight(world.context(), { do: 'shift', split: splitWithK8s(20) });
  expect(questions).toBeLessThan(40);
  questions = 0;
  expect(await preflight(world.context(), { do: 'rollback' })).toEqual([]);
  expect(questions).toBe(0);
});

it('what is known to be wrong is told at once, and so is a right that is missing', async () => {
  const silent = new SoundWorld();
  silence(silent, 'cluster2');
  silent.manifests = [];
  expect((await look(silent)).seconds).toBe(0);

  const forbidden = new SoundWorld();
  forbidden.sshFailure = new MeshliftError('ssh-denied', { where: 'VM', why: 'no key', next: 'add one' });
  const { stopping, seconds } = await look(forbidden);
  expect(stopping).toContain('vm-ssh');
  expect(seconds).toBe(0);
});
