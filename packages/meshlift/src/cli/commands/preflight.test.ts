import { expect, it } from 'vitest';
import { stops } from '../../checks/check.ts';
import { type ClusterName, SoundWorld } from '../../checks/testdata/sound-world.ts';
import { unreachable } from '../../effects/kube/faults.ts';
import { MeshliftError } from '../../errors/error.ts';
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
