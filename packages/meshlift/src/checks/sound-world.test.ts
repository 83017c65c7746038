import { describe, expect, it } from 'vitest';
import { MeshliftError } from '../errors/error.ts';
import { allChecks } from './all-checks.ts';
import { stops } from './check.ts';
import { untilChecksHold } from './run-checks.ts';
import { SoundWorld } from './testdata/sound-world.ts';

/** Checks of files alone: they read no cluster and no VM, so nothing can keep them from looking. */
const ofFilesAlone = ['workload-has-pods', 'workload-says-when-ready'];

it('a world in which everything is right leaves every check content', async () => {
  expect(await new SoundWorld().noticed()).toEqual({});
});

it('no check takes what can’t be read for good', async () => {
  const world = new SoundWorld();
  const verbs = ['get', 'list', 'version', 'now', 'podGet', 'forwardedGet', 'may', 'apply'] as const;
  for (const cluster of ['cluster1', 'cluster2'] as const)
    for (const verb of verbs) world.forbid(cluster, verb);
  world.sshFailure = new MeshliftError('ssh-unreachable', {
    where: 'VM',
    why: 'it does not answer',
    next: 'look',
  });
  const passed = [...(await world.check()).values()].filter(({ result }) => result === 'pass');
  expect(passed.map(({ id }) => id)).toEqual(ofFilesAlone);
});

it('no check of clusters takes one cluster’s silence for good while the other answers', async () => {
  const world = new SoundWorld();
  for (const verb of ['get', 'list', 'podGet', 'forwardedGet', 'may', 'apply'] as const)
    world.forbid('cluster2', verb);
  const results = await world.check();
  const passed = allChecks
    .filter(({ category }) => ['clusters', 'mesh', 'traffic'].includes(category))
    .filter(({ id }) => results.get(id)?.result === 'pass');
  // The VM is let in, and lets in, by its home cluster alone.
  const ofHomeAlone = 'traffic-callers-are-let-in';
  expect(passed.map(({ id }) => id)).toEqual(['clusters-reachable', 'clusters-clock', ofHomeAlone]);
});

describe('waiting until everything holds', () => {
  const onceInAWhile = { deadlineMs: 60_000, intervalMs: 2_000 };

  it('looks again until it does', async () => {
    const world = new SoundWorld();
    const stop = world.clock.autoAdvance();
    world.sshFailure = new MeshliftError('ssh-unreachable', { where: 'VM', why: 'it boots', next: 'wait' });
    void world.clock.wait(7_000).then(() => {
      world.sshFailure = null;
    });
    const seen: string[][] = [];
    const results = await untilChecksHold(world.context(), allChecks, {
      ...onceInAWhile,
      progress: (it) => seen.push(it.filter(({ result }) => result === 'unknown').map(({ id }) => id)),
    });
    stop();
    expect(results.some(stops)).toBe(false);
    expect(seen.length).toBe(4);
    expect(seen[0]).toContain('vm-ssh');
  });

  it('ends at its deadline with what it saw last', async () => {
    const world = new SoundWorld();
    const stop = world.clock.autoAdvance();
    const started = world.clock.now();
    world.manifests = [];
    const results = await untilChecksHold(world.context(), allChecks, onceInAWhile);
    stop();
    expect(results.filter(stops).map(({ id }) => id)).toEqual(['workload-has-pods']);
    expect(world.clock.now() - started).toBe(60_000);
  });
});

it('there are at least 30 checks in five categories, each with an id that begins with its category', () => {
  expect(allChecks.length).toBeGreaterThanOrEqual(30);
  expect(new Set(allChecks.map(({ id }) => id)).size).toBe(allChecks.length);
  for (const { id, category } of allChecks) expect(id).toMatch(new RegExp(`^${category}-[a-z-]+$`));
});
