import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refuse } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Goal } from '../migration/decision.ts';
import type { Side } from '../migration/traffic-split.ts';
import type { Topology } from '../spec/migration.ts';
import { drive } from './engine.ts';
import { pause, resume } from './pause.ts';
import { ownHost } from './testdata/fake-istiod.ts';
import { type ClusterName, FakeWorld, Killed } from './testdata/fake-world.ts';

/** Something that goes wrong for a while; answers how to mend it, or null where it would be nobody's fault. */
type Trouble = (world: FakeWorld, cluster: ClusterName) => (() => unknown) | null;

const service = { metadata: { name: 'productcatalogservice', namespace: 'default' } };
const mended = () => {};

const run: Goal = { do: 'run', until: 'Retired' };

/** What a person repeats until it is done. */
async function insist(world: FakeWorld, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      const nothingToResume = isMeshliftError(error, 'wrong-phase');
      if (nothingToResume) return;
      if (!(error instanceof Killed) && !isMeshliftError(error)) throw error;
      await world.clock.wait(1_000);
    }
  }
}

/** What somebody else does at the same time; that it is refused, or killed, is their matter. */
function byAnother(work: Promise<unknown>): () => Promise<void> {
  const ended = work.then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof Killed) && !isMeshliftError(error)) throw error;
    },
  );
  return () => ended;
}

const troubles: Readonly<Record<string, Trouble>> = {
  'the API server is cut off': (world, cluster) => {
    world.cut.add(cluster);
    return () => world.cut.delete(cluster);
  },
  'writes are refused': (world, cluster) => {
    world.faults[cluster] = { apply: refuse('admission webhook denied the request') };
    return () => {
      world.faults[cluster] = {};
    };
  },
  'metrics are away': (world, cluster) => {
    world.faults[cluster] = { podGet: refuse('the connection was refused') };
    return () => {
      world.faults[cluster] = {};
    };
  },
  'a proxy acknowledges nothing': (world, cluster) => {
    const name = cluster === 'cluster1' ? 'checkoutservice-1' : 'frontend-1';
    const proxy = world.proxies.find((it) => it.name === name);
    if (!proxy) return null;
    const { lagMs } = proxy;
    if (!Number.isFinite(lagMs)) return null;
    proxy.lagMs = Number.POSITIVE_INFINITY;
    return () => {
      proxy.lagMs = lagMs;
      world.istiods[cluster].reconnect(proxy);
    };
  },
  'the copy fails a third of its requests': (world) => {
    world.copyFailsEvery = 3;
    return () => {
      world.copyFailsEvery = 0;
    };
  },
  'the copy is not ready': (world) => {
    if (!world.copyAlive || !world.vmAlive || !canDoWithout(world, 'k8s')) return null;
    world.setCopyAlive(false);
    return () => world.setCopyAlive(true);
  },
  'the VM is dead': (world) => {
    if (!world.vmAlive || !copyServes(world) || !canDoWithout(world, 'vm')) return null;
    world.setVmAlive(false);
    return () => world.setVmAlive(true);
  },
  'the engine is killed': (world) => {
    world.killEngines();
    return mended;
  },
  'somebody changes the weights': (world, cluster) => {
    const route = world.object(cluster, 'VirtualService');
    if (!route || !copyServes(world)) return null;
    const changed = structuredClone(route) as unknown as {
      spec: { http: { route: { weight: number }[] }[] };
    };
    for (const [i, it] of (changed.spec.http.at(-1)?.route ?? []).entries()) it.weight = i === 0 ? 37 : 63;
    world.clusters[cluster].put(changed as unknown as KubeObject);
    return mended;
  },
  'somebody edits a side host': (world, cluster) => {
    const [rule] = world.clusters[cluster].objects().filter(({ kind }) => kind === 'DestinationRule');
    if (!rule) return null;
    world.clusters[cluster].put({ ...rule, spec: { ...(rule.spec as object), exportTo: ['.'] } });
    return mended;
  },
  'a second engine begins the same': (world) => byAnother(drive(world.engine(), run)),
  'somebody rolls back from another terminal': (world) =>
    world.vmAlive ? byAnother(drive(world.engine(), { do: 'rollback' })) : null,
  'somebody pauses it': (world) => {
    const paused = byAnother(pause(world.engine()));
    return async () => {
      await paused();
      await insist(world, () => resume(world.engine()));
    };
  },
  'somebody deletes the route': (world, cluster) => {
    const route = world.object(cluster, 'VirtualService');
    if (!route || !copyServes(world) || !copyKnownByName(world)) return null;
    const { name, namespace = '' } = route.metadata;
    void world.clusters[cluster].delete({ apiVersion: route.apiVersion, kind: route.kind, namespace, name });
    return mended;
  },
};

/** Nobody could help customers whose only side dies, or who are sent to one that was never there. */
function copyServes(world: FakeWorld): boolean {
  const { readyReplicas = 0 } = (world.object('cluster2', 'Deployment')?.status ?? {}) as {
    readyReplicas?: number;
  };
  return world.copyAlive && readyReplicas > 0;
}

/** Without the route a request goes to the service's own name: where no copy stands behind it, nobody could help. */
function copyKnownByName({ proxies }: FakeWorld): boolean {
  return proxies
    .filter(({ rate }) => rate > 0)
    .every(({ config }) => (config.endpoints.get(ownHost(service)) ?? []).some((it) => it.healthy));
}

/** Whether every caller's proxy takes what it is sent, and has the net in force: both sides, wherever it sends requests. */
function canDoWithout(world: FakeWorld, side: Side): boolean {
  const routed = world.object('cluster1', 'VirtualService') && world.object('cluster2', 'VirtualService');
  return (
    routed !== undefined &&
    world.proxies
      .filter(({ rate }) => rate > 0)
      .every(
        ({ lagMs, config, routeTaken }) =>
          Number.isFinite(lagMs) &&
          routeTaken?.destinations.every(({ host }) =>
            (config.endpoints.get(host) ?? []).some((it) => it.side !== side && it.healthy),
          ),
      )
  );
}

const anyTrouble = fc.record({
  what: fc.constantFrom(...Object.keys(troubles)),
  cluster: fc.constantFrom<ClusterName>('cluster1', 'cluster2'),
  at: fc.integer({ min: 0, max: 30_000 }),
  lasts: fc.integer({ min: 100, max: 9_000 }),
});

const topologies = fc.constantFrom<Topology>('endpoint-discovery', 'global-names');

async function happen(
  world: FakeWorld,
  { what, cluster, at, lasts }: { what: string; cluster: ClusterName; at: number; lasts: number },
): Promise<void> {
  await world.clock.wait(at);
  world.flow();
  const mend = troubles[what]?.(world, cluster);
  if (!mend) return;
  await world.clock.wait(lasts);
  world.flow();
  await mend();
}

/** A person who repeats the command until it is done, as each refusal tells. */
async function persist(world: FakeWorld): Promise<string> {
  const story: string[] = [];
  for (let attempt = 0; attempt < 60; attempt += 1) {
    try {
      const { outcome, because } = await drive(world.engine(), run);
      if (outcome === 'done') return 'done';
      story.push(`${outcome}: ${because}`);
    } catch (error) {
      if (!(error instanceof Killed) && !isMeshliftError(error)) throw error;
      story.push(error.message);
    }
    await world.clock.wait(5_000);
  }
  return story.join('\n');
}

test('whatever goes wrong for a while, customers lose nothing, and the migration ends where it should', async () => {
  await fc.assert(
    fc.asyncProperty(
      topologies,
      fc.array(anyTrouble, { minLength: 1, maxLength: 6 }),
      async (topology, all) => {
        const world = new FakeWorld({ topology });
        try {
          const trouble = all.map((it) => happen(world, it));
          expect(await persist(world)).toBe('done');
          await Promise.all(trouble);
          expect(world.traces('cluster1')).toEqual(['Migration productcatalog']);
          expect(world.traces('cluster2')).toEqual([]);
          expect(new Set(Object.values(world.inForce()))).toEqual(new Set([100]));
          expect(world.lost).toBe(0);
        } finally {
          world.stop();
        }
      },
    ),
    { endOnFailure: true, numRuns: Number(process.env.MESHLIFT_RANDOM_RUNS ?? 25) },
  );
}, 600_000);
