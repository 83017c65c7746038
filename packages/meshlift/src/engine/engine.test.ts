import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { refuse, unreachable, when } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { MeshliftError } from '../errors/error.ts';
import type { Goal } from '../migration/decision.ts';
import type { MigrationStatus } from '../migration/status.ts';
import { allOnVm, splitWithK8s } from '../migration/traffic-split.ts';
import { targetOf } from '../spec/migration.ts';
import { drive } from './engine.ts';
import { readHistory, readStatus } from './journal.ts';
import { pause, resume } from './pause.ts';
import { type ClusterName, FakeWorld, Killed } from './testdata/fake-world.ts';

const run: Goal = { do: 'run', until: 'Retired' };
const rollback: Goal = { do: 'rollback' };
const shift = (k8s: number): Goal => ({ do: 'shift', split: splitWithK8s(k8s) });

// A migration takes no time here, but what it computes has to share the machine with other tests.
vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

function status(): Promise<MigrationStatus> {
  return readStatus(world.engine());
}

/** Brings the world to a split that every cluster has agreed to. */
async function shifted(k8s: number): Promise<void> {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  if (k8s > 0) await drive(world.engine(), shift(k8s));
}

/** Drives to a goal that is not reached, and answers why. */
async function refusal(goal: Goal): Promise<MeshliftError> {
  try {
    const { outcome } = await drive(world.engine(), goal);
    throw new Error(`it ended as ${outcome}`);
  } catch (error) {
    if (error instanceof MeshliftError) return error;
    throw error;
  }
}

function isSplit(k8s: number): (object: unknown) => boolean {
  return (object) => {
    const { kind, spec } = object as KubeObject;
    if (kind !== 'VirtualService') return false;
    const { http } = spec as { http: { route: { weight: number }[] }[] };
    return http.at(-1)?.route[1]?.weight === k8s;
  };
}

/** The share of the k8s side that a cluster's stored route says. */
function stored(cluster: ClusterName): number | null {
  const route = world.object(cluster, 'VirtualService');
  return [0, 5, 20, 50, 100].find((k8s) => route && isSplit(k8s)(route)) ?? null;
}

function expectEverywhere(k8s: number): void {
  expect([stored('cluster1'), stored('cluster2')]).toEqual([k8s, k8s]);
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([k8s]));
}

/** Nothing is in the clusters any more but the record, what the user brought, and where it is needed the way to the pods. */
function expectRetired(standIn = false): void {
  expect(world.traces('cluster1')).toEqual(['Migration productcatalog']);
  expect(world.traces('cluster2')).toEqual([]);
  const entries = world.objectsOf('cluster1', 'WorkloadEntry').map(({ metadata }) => metadata.name);
  expect(entries).toEqual(standIn ? ['meshlift-productcatalogservice-cluster1-to-cluster2-home'] : []);
  expect(new Set(Object.values(world.inForce()))).toEqual(new Set([100]));
  expect(world.vm.running).toBe(false);
}

const globalNames = { topology: 'global-names' };

/** A migration's clusters, of which the first is the VM's home and the last has the copy. */
function clusters(count: number): Record<string, unknown> {
  const member = (i: number) => ({
    name: `cluster${i + 1}`,
    context: `cluster${i + 1}`,
    home: i === 0,
    target: i === count - 1,
  });
  return { clusters: Array.from({ length: count }, (_, i) => member(i)) };
}

describe.each<[string, Record<string, unknown>]>([
  ['two clusters with global names', globalNames],
  ['one cluster', clusters(1)],
  ['one cluster with global names', { ...clusters(1), ...globalNames }],
  ['three clusters', clusters(3)],
  ['four clusters with global names', { ...clusters(4), ...globalNames }],
])('in %s', (_name, spec) => {
  beforeEach(() => {
    world.stop();
    world = new FakeWorld(spec);
  });
  const target = () => targetOf(world.migration).name;

  test('a whole migration loses no request, and nothing is left but the way to the pods', async () => {
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.lost).toBe(0);
    expect(world.answered).toBeGreaterThan(1_000);
    for (const { name, home } of world.migration.spec.clusters) {
      expect(world.traces(name as ClusterName)).toEqual(home ? ['Migration productcatalog'] : []);
      const entries = world.objectsOf(name as ClusterName, 'WorkloadEntry');
      const standIn = world.migration.spec.topology === 'global-names' && name !== target();
      expect(entries.map(({ metadata }) => metadata.name)).toEqual(
        standIn ? [`meshlift-productcatalogservice-${name}-to-${target()}-home`] : [],
      );
    }
    const before = world.answered;
    await world.clock.wait(2_000);
    expect(world.answered).toBeGreaterThan(before);
    expect(world.lost).toBe(0);
  });

  test('a rollback from half-way and one after completion lose no request', async () => {
    await shifted(50);
    expect((await drive(world.engine(), rollback)).outcome).toBe('done');
    expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
    expect((await drive(world.engine(), { do: 'run', until: 'Completed' })).outcome).toBe('done');
    expect((await drive(world.engine(), rollback)).outcome).toBe('done');
    expect(new Set(Object.values(world.inForce()))).toEqual(new Set([0]));
    expect(world.lost).toBe(0);
  });

  test('either side may die at 50 %: the other one’s endpoints are at hand in every cluster', async () => {
    await shifted(50);
    world.vmAlive = false;
    await world.clock.wait(5_000);
    expect(world.lost).toBe(0);
    world.vmAlive = true;
    world.copyAlive = false;
    await world.clock.wait(5_000);
    expect(world.lost).toBe(0);
  });
});

test('one cluster needs no gateway at all, where the VM reaches istiod otherwise', async () => {
  world.stop();
  world = new FakeWorld({ ...clusters(1), istio: { istiodAddress: '10.0.0.7' } });
  const gateway = {
    apiVersion: 'v1',
    kind: 'Service',
    namespace: 'istio-system',
    name: 'istio-eastwestgateway',
  };
  expect(await world.clusters.cluster1.delete(gateway)).toBe(true);
  await drive(world.engine(), { do: 'join' });
  expect(world.vm.files.get('/etc/hosts')?.content).toContain('10.0.0.7 istiod.istio-system.svc');
  expect((await drive(world.engine(), run)).outcome).toBe('done');
  expect(world.lost).toBe(0);
});

describe.each(['endpoint-discovery', 'global-names'])(
  'several VMs behind one service, with %s',
  (topology) => {
    const hosts = [{ host: '10.10.100.10' }, { host: '10.10.100.11', ssh: { port: 2222 } }];
    beforeEach(() => {
      world.stop();
      world = new FakeWorld({
        topology,
        vm: {
          hosts,
          ssh: { user: 'admin' },
          serviceAccount: 'productcatalog',
          probe: { grpc: { port: 3550 } },
        },
      });
    });

    test('are joined, and in the end retired, each of them', async () => {
      await drive(world.engine(), { do: 'join' });
      expect(world.vms.map(({ running }) => running)).toEqual([true, true]);
      expect((await drive(world.engine(), run)).outcome).toBe('done');
      expect(world.vms.map(({ running }) => running)).toEqual([false, false]);
      expectRetired(topology === 'global-names');
      expect(world.lost).toBe(0);
    });

    test('are both endpoints of the vm side, in every cluster', async () => {
      await shifted(20);
      for (const { config, rate } of world.proxies) {
        if (rate === 0) continue;
        const own = config.endpoints
          .get('productcatalogservice-vm.default.side')
          ?.filter(({ priority, side }) => priority === 0 && side === 'vm');
        expect(own?.map(({ address }) => address).toSorted()).toEqual([
          '10.10.100.10:3550',
          '10.10.100.11:3550',
        ]);
      }
    });

    test('are one side: while one is left it serves, and takes everything back', async () => {
      await shifted(50);
      world.killVm('10.10.100.10');
      await world.clock.wait(2_000);
      expect((await drive(world.engine(), rollback)).outcome).toBe('done');
      await world.clock.wait(5_000);
      expectEverywhere(0);
      expect(world.lost).toBe(0);
    });

    test('do not join by half: one whose program is dead is named', async () => {
      world.killVm('10.10.100.11');
      const failure = await refusal({ do: 'join' });
      expect(failure.code).toBe('timed-out');
      expect(failure.message).toContain('VM 10.10.100.11: its probe');
      expect(stored('cluster1')).toBeNull();
    });
  },
);

describe('a whole migration', () => {
  test('ends with the service in Kubernetes, nothing left behind, and no request lost', async () => {
    const ending = await drive(world.engine(), run);
    expect(ending).toMatchObject({
      outcome: 'done',
      status: { phase: 'Retired', intent: null, agreed: null },
    });
    expectRetired();
    expect(world.lost).toBe(0);
    expect(world.answered).toBeGreaterThan(5_000);
  });

  test('is recorded: each split as set and as seen in each cluster, verdicts, and every request', async () => {
    const { splits, verdicts, traffic } = (await drive(world.engine(), run)).status;
    expect(splits.map(({ split, outcome }) => [split.k8s, outcome])).toEqual([
      [0, 'agreed'],
      [20, 'agreed'],
      [100, 'agreed'],
    ]);
    for (const { split, clusters, skewMs } of splits) {
      expect(clusters.map(({ cluster }) => cluster)).toEqual(['cluster1', 'cluster2']);
      for (const { seen, acknowledgedMs, proxies } of clusters) {
        expect(seen?.k8sPercent).toBeCloseTo(split.k8s, -1);
        expect(acknowledgedMs).toBeGreaterThan(100);
        expect(proxies.acknowledged).toBe(proxies.total);
      }
      expect(skewMs).toBeLessThan(100);
    }
    expect(verdicts.some(({ verdict }) => verdict === 'pass')).toBe(true);
    expect(traffic?.failed).toBe(0);
    expect(traffic?.sides.k8s.caught).toBe(0);
    expect(traffic?.callers.map(({ workload }) => workload).toSorted()).toEqual([
      'checkoutservice-1',
      'frontend-1',
      'recommendationservice-1',
    ]);
    // What was answered before the first split was agreed, and while the last counters were read, is not in it.
    expect(traffic?.requests).toBeGreaterThan(0.9 * world.answered);
    expect(traffic?.requests).toBeLessThanOrEqual(world.answered);
  });

  test('that is finished is left alone by a second run, which says so', async () => {
    await drive(world.engine(), run);
    const before = [world.clusters.cluster1.objects(), world.clusters.cluster2.objects()];
    const ending = await drive(world.engine(), run);
    expect(ending.outcome).toBe('done');
    expect(ending.because).toContain('finished');
    expect([world.clusters.cluster1.objects(), world.clusters.cluster2.objects()]).toEqual(before);
  });

  test('can be made command by command', async () => {
    await shifted(20);
    expectEverywhere(20);
    await drive(world.engine(), shift(100));
    expectEverywhere(100);
    await drive(world.engine(), { do: 'complete' });
    expect((await status()).phase).toBe('Completed');
    const ending = await drive(world.engine(), { do: 'retire' });
    expect(ending.outcome).toBe('done');
    expectRetired();
    expect(world.lost).toBe(0);
  });

  test('refuses a command out of order, and changes nothing', async () => {
    await shifted(0);
    const before = world.traces('cluster2');
    const ending = await drive(world.engine(), { do: 'complete' });
    expect(ending.outcome).toBe('refused');
    expect(ending.next).toContain('meshlift shift');
    expect(world.traces('cluster2')).toEqual(before);
  });
});

test('completing keeps the route as long as some proxy has no pods under the service’s own name', async () => {
  await shifted(100);
  for (const name of ['cluster1', 'cluster2'] as const) {
    const services = world.clusters[name].objects().filter(({ kind }) => kind === 'Service');
    const service = services.find(({ metadata }) => metadata.name === 'productcatalogservice');
    if (service)
      world.clusters[name].put({
        ...service,
        spec: { selector: { app: 'nobody' }, ports: [{ port: 3550 }] },
      });
  }
  const failure = await refusal({ do: 'complete' });
  expect(failure.code).toBe('timed-out');
  expect(failure.message).toContain('own name');
  expectEverywhere(100);
  expect(world.lost).toBe(0);
});

describe('the gate', () => {
  test('takes everything back in every cluster when the copy fails, and the copy may try again', async () => {
    await shifted(20);
    world.copyFailsEvery = 5;
    const ending = await drive(world.engine(), run);
    expect(ending.outcome).toBe('rolledBack');
    expect(ending.because).toMatch(/\d+(\.\d+)? % of \d+ requests to the k8s side failed/);
    expectEverywhere(0);
    expect(await status()).toMatchObject({ phase: 'Deployed', agreed: { split: allOnVm } });
    expect(world.lost).toBe(0);

    world.copyFailsEvery = 0;
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expectRetired();
  });

  test('sees a copy that only looks healthy because the net catches its failures', async () => {
    await shifted(20);
    // The copy is gone, but its endpoint is still known: every request that was meant for it is caught by the VM.
    world.copyAlive = false;
    const ending = await drive(world.engine(), run);
    expect(ending.outcome).toBe('rolledBack');
    expectEverywhere(0);
    expect(world.lost).toBe(0);
    expect((await status()).traffic?.sides.k8s.caught).toBeGreaterThan(0);
    expect((await status()).verdicts.at(-1)?.sides.k8s.caught).toBeGreaterThan(0);
  });

  test('waits as long as there are no metrics, and goes on when they are back', async () => {
    await shifted(20);
    world.faults.cluster2 = { podGet: refuse('the connection was refused') };
    const running = drive(world.engine(), run);
    await world.clock.wait(20_000);
    expectEverywhere(20);
    expect((await status()).verdicts.at(-1)).toMatchObject({ verdict: 'error' });
    world.faults.cluster2 = {};
    expect((await running).outcome).toBe('done');
    expectRetired();
  });

  test('goes forward when it is the VM that dies: the copy takes all, and nothing is lost', async () => {
    await shifted(20);
    world.setVmAlive(false);
    const ending = await drive(world.engine(), run);
    expect(ending.outcome).toBe('done');
    expectRetired();
    expect(world.lost).toBe(0);
  });
});

describe('one opinion in every cluster', () => {
  test('when one refuses a split, all go back to the last one that was agreed', async () => {
    await shifted(20);
    world.faults.cluster2 = {
      apply: when(({ args }) => isSplit(50)(args[0]), refuse('admission webhook denied the request')),
    };
    const failure = await refusal(shift(50));
    expect(failure.code).toBe('not-agreed');
    expect(failure.message).toContain('admission webhook denied the request');
    expectEverywhere(20);
    const { agreed, intent, splits } = await status();
    expect(agreed?.split.k8s).toBe(20);
    expect(intent?.generation).toBe(agreed?.generation);
    expect(splits.map(({ outcome }) => outcome).slice(-2)).toEqual(['returned', 'agreed']);
    expect(world.lost).toBe(0);
  });

  test('when a proxy never acknowledges a split, all go back, and the proxy is named', async () => {
    await shifted(20);
    const stuck = world.proxies.find(({ name }) => name === 'frontend-1');
    const lag = stuck?.lagMs ?? 0;
    if (stuck) stuck.lagMs = Number.POSITIVE_INFINITY;
    const failure = await refusal(shift(50));
    expect(failure.code).toBe('not-agreed');
    expect(failure.message).toContain('frontend-1.default');
    expect(new Set(Object.values(world.inForce()))).toEqual(new Set([20]));
    if (stuck) stuck.lagMs = lag;
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.lost).toBe(0);
  });

  test('a cluster that is cut off during a shift gets the others’ opinion when it is back', async () => {
    await shifted(20);
    world.faults.cluster2 = { apply: when(({ args }) => isSplit(50)(args[0]), unreachable) };
    expect((await refusal(shift(50))).code).toBe('not-agreed');
    world.faults.cluster2 = {};
    world.cut.add('cluster2');
    const ending = await drive(world.engine(), run);
    expect(ending.outcome).toBe('held');
    expect(ending.because).toContain("cluster2 can't be reached");
    world.cut.clear();
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expectRetired();
    expect(world.lost).toBe(0);
  });

  test.each<ClusterName>(['cluster1', 'cluster2'])(
    'when %s is cut off in the middle of a shift, it has the others’ opinion as soon as it is back',
    async (away) => {
      await shifted(20);
      // The intent is recorded; then the cluster is gone, before or after it was written.
      world.faults.cluster1 = {
        apply: when(({ args }) => {
          if (isSplit(50)(args[0])) world.cut.add(away);
          return false;
        }, unreachable),
      };
      const shifting = drive(world.engine(), shift(50));
      await world.clock.wait(60_000);
      expect(world.cut.has(away)).toBe(true);
      expect(stored(away === 'cluster1' ? 'cluster2' : 'cluster1')).toBe(away === 'cluster1' ? 50 : 20);
      world.faults.cluster1 = {};
      world.cut.clear();
      expect((await shifting).outcome).toBe('done');
      expectEverywhere(50);
      expect(world.lost).toBe(0);
    },
  );

  test('a run outlives its home cluster’s API server', async () => {
    const running = drive(world.engine(), run);
    for (let i = 0; i < 6; i += 1) {
      await world.clock.wait(2_300);
      world.cut.add('cluster1');
      await world.clock.wait(7_100);
      world.cut.clear();
    }
    expect((await running).outcome).toBe('done');
    expectRetired();
    expect(world.lost).toBe(0);
  });

  test('a copy that fails while a cluster is out of reach is taken back where that can be done', async () => {
    await shifted(20);
    const running = drive(world.engine(), run);
    await world.clock.wait(1_500);
    world.cut.add('cluster2');
    await world.clock.wait(1_500);
    world.copyFailsEvery = 2;
    await world.clock.wait(20_000);
    expect([stored('cluster1'), stored('cluster2')]).toEqual([0, 20]);
    world.cut.clear();
    const ending = await running;
    expect(ending.outcome).toBe('rolledBack');
    expectEverywhere(0);
    expect((await status()).outcome.state).toBe('RolledBack');
  });

  test('weights that somebody changed by hand are put back', async () => {
    await shifted(20);
    const route = world.object('cluster2', 'VirtualService');
    const changed = structuredClone(route) as unknown as {
      spec: { http: { route: { weight: number }[] }[] };
    };
    for (const [i, it] of (changed.spec.http.at(-1)?.route ?? []).entries()) it.weight = i === 0 ? 95 : 5;
    world.clusters.cluster2.put(changed as unknown as KubeObject);
    await world.clock.wait(500);
    expect(world.inForce()['frontend-1']).toBe(5);
    await drive(world.engine(), shift(20));
    expectEverywhere(20);
  });

  test.each(['ServiceEntry', 'DestinationRule'])(
    'a %s that somebody deletes or edits while a run goes on is put back within seconds, and told',
    async (kind) => {
      await shifted(20);
      await pause(world.engine(), 'to be looked at');
      const running = drive(world.engine(), run);
      await world.clock.wait(2_500);
      const object = () =>
        world.clusters.cluster2.objects().find((it) => it.kind === kind && it.metadata.name.endsWith('-gke'));
      const written = object();
      if (!written) throw new Error(`no ${kind}`);
      world.clusters.cluster2.put({ ...written, spec: { ...(written.spec as object), exportTo: ['.'] } });
      await world.clock.wait(5_000);
      expect(object()?.spec).toEqual(written.spec);
      const { apiVersion, metadata } = written;
      await world.clusters.cluster2.delete({ apiVersion, kind, name: metadata.name, namespace: 'default' });
      await world.clock.wait(5_000);
      expect(object()?.spec).toEqual(written.spec);
      const told = (await readHistory(world.engine())).map(({ message }) => message).join('\n');
      expect(told).toContain(`in cluster2 ${kind} ${metadata.name} was changed by someone else`);
      expect(told).toContain(`in cluster2 ${kind} ${metadata.name} was deleted by someone else`);
      // Customers did see what was taken away, and the gate judges what they saw.
      await resume(world.engine());
      expect((await running).outcome).toMatch(/^(done|rolledBack)$/);
    },
  );

  test('what the API server of an older Istio drops of a rule is nobody’s edit', async () => {
    for (const cluster of Object.values(world.clusters))
      cluster.onWrite(({ object }) => {
        const text = JSON.stringify(object);
        if (!text.includes('http2KeepAlive')) return;
        cluster.put(
          JSON.parse(text.replace(/"http2KeepAlive":\{[^}]*\}/, '').replace(/,(?=\})/, '')) as KubeObject,
        );
      });
    await shifted(20);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    const told = (await readHistory(world.engine())).map(({ message }) => message).join('\n');
    expect(told).not.toContain('by someone else');
    expect(world.lost).toBe(0);
  });

  test('the VM’s stand-in in a cluster that does not read its registration is put back, whoever took it away', async () => {
    world.stop();
    world = new FakeWorld(globalNames);
    await shifted(20);
    const entry = () =>
      world.objectsOf('cluster2', 'WorkloadEntry').find(({ metadata }) => metadata.name.includes('-vm-in-'));
    const written = entry();
    if (!written) throw new Error('no stand-in');
    const { apiVersion, kind, metadata } = written;
    await world.clusters.cluster2.delete({ apiVersion, kind, name: metadata.name, namespace: 'default' });
    expect((await drive(world.engine(), shift(20))).outcome).toBe('done');
    expect(entry()?.spec).toEqual(written.spec);
    await world.clock.wait(2_000);
    // The copy answered for the VM meanwhile.
    expect(world.lost).toBe(0);
  });

  test('what somebody put into the route beside its weights goes again', async () => {
    await shifted(20);
    const route = world.object('cluster2', 'VirtualService');
    if (!route) throw new Error('no route');
    world.clusters.cluster2.put({ ...route, spec: { ...(route.spec as object), gateways: ['theirs'] } });
    expect((await drive(world.engine(), shift(20))).outcome).toBe('done');
    expect(world.object('cluster2', 'VirtualService')?.spec).not.toHaveProperty('gateways');
  });

  test('a route that somebody deleted is put back', async () => {
    await shifted(20);
    const { name, namespace = '' } = world.object('cluster1', 'VirtualService')?.metadata ?? { name: '' };
    await world.clusters.cluster1.delete({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      name,
      namespace,
    });
    await drive(world.engine(), shift(20));
    expectEverywhere(20);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expect(world.lost).toBe(0);
  });
});

describe('a rollback', () => {
  test('puts every cluster back on the VM', async () => {
    await shifted(50);
    const ending = await drive(world.engine(), rollback);
    expect(ending.outcome).toBe('done');
    expectEverywhere(0);
    expect(world.lost).toBe(0);
  });

  test('onto a VM that is dead is refused, and moves nothing', async () => {
    await shifted(50);
    world.setVmAlive(false);
    await world.clock.wait(1_000);
    const ending = await drive(world.engine(), rollback);
    expect(ending.outcome).toBe('refused');
    expect(ending.because).toContain("the VM can't take the traffic back");
    expectEverywhere(50);
    expect(world.lost).toBe(0);
  });

  test.each<ClusterName>(['cluster1', 'cluster2'])(
    'with %s out of reach moves the other at once, and that one as soon as it is back',
    async (away) => {
      await shifted(50);
      world.cut.add(away);
      const other = away === 'cluster1' ? 'cluster2' : 'cluster1';
      const back = drive({ ...world.engine(), by: 'olga@desk' }, rollback);
      await world.clock.wait(30_000);
      expect([stored(other), stored(away)]).toEqual([0, 50]);
      expect(world.events.at(-1)?.message).toContain(`${away} is returned as soon as it answers`);
      world.cut.clear();
      expect((await back).outcome).toBe('done');
      expectEverywhere(0);
      expect(world.lost).toBe(0);
      const { agreed, history, outcome, phase, splits, traffic } = await status();
      expect([agreed?.split, phase, outcome.state]).toEqual([allOnVm, 'Deployed', 'RolledBack']);
      expect(splits.map(({ split }) => split.k8s).slice(0, 2)).toEqual([0, 50]);
      expect(history.filter(({ by }) => by === 'olga@desk').map(({ what }) => what)).toContain('command');
      expect(traffic?.requests).toBeGreaterThan(100);
    },
  );

  test('holds when a cluster stays out of reach, and is finished by the next one', async () => {
    await shifted(50);
    world.cut.add('cluster1');
    const ending = await drive(world.engine(), rollback);
    expect(ending).toMatchObject({ outcome: 'held', next: 'bring it back, then: meshlift rollback' });
    expect([stored('cluster1'), stored('cluster2')]).toEqual([50, 0]);
    world.cut.clear();
    expect((await drive(world.engine(), rollback)).outcome).toBe('done');
    expectEverywhere(0);
    expect(world.lost).toBe(0);
  });

  test('of which nothing is known, with the home cluster out of reach, moves nothing', async () => {
    await drive(world.engine(), { do: 'run', until: 'Completed' });
    world.cut.add('cluster1');
    expect((await refusal(rollback)).code).toBe('cluster-unreachable');
    expect(stored('cluster2')).toBeNull();
    expect(world.lost).toBe(0);
  });

  test('onto a dead VM is made for whoever insists', async () => {
    await shifted(50);
    world.setVmAlive(false);
    await world.clock.wait(1_000);
    const ending = await drive(world.engine(), { do: 'rollback', force: true });
    expect(ending.outcome).toBe('done');
    expectEverywhere(0);
    // The net has the copy behind the VM's side.
    expect(world.lost).toBe(0);
  });

  test('is possible after completion, as long as the VM is there, and so is going forward again', async () => {
    await drive(world.engine(), { do: 'run', until: 'Completed' });
    expect((await drive(world.engine(), rollback)).outcome).toBe('done');
    expectEverywhere(0);
    expect((await drive(world.engine(), run)).outcome).toBe('done');
    expectRetired();
    expect(world.lost).toBe(0);
  });
});

test.each<[string, Record<string, unknown>, number]>([
  ['endpoint discovery, after any of its changes', {}, 1],
  ['global names, after every third of its changes', globalNames, 3],
])(
  'an engine that is killed with %s, is followed by one that reaches the same end',
  async (_name, spec, every) => {
    world.stop();
    world = new FakeWorld(spec);
    await drive(world.engine(), run);
    // The last ones give up its Leases, when all is done.
    const changes = world.effective.slice(0, -world.migration.spec.clusters.length);
    expect(changes.length).toBeGreaterThan(60);
    for (const killAfter of changes.filter((_, i) => i % every === 0)) {
      world.stop();
      world = new FakeWorld(spec);
      await expect(drive(world.engine({ killAfter }), run), `change ${killAfter}`).rejects.toBeInstanceOf(
        Killed,
      );
      await world.clock.wait(16_000);
      const { outcome, because } = await drive(world.engine(), run);
      expect(`${outcome} after change ${killAfter} (${because})`).toMatch(/^done/);
      expectRetired(spec === globalNames);
      expect(world.lost, `change ${killAfter}`).toBe(0);
    }
  },
  600_000,
);
