import { expect, it } from 'vitest';
import { FakeClock } from '../clock/fake.ts';
import { FakeCluster } from './fake.ts';
import { answerLost, conflict, delay, refuse, times, unreachable, when, withFaults } from './faults.ts';
import type { KubeObject } from './port.ts';
import { describeKubeWriter } from './writer.contract.ts';

describeKubeWriter('a FakeCluster', async () => new FakeCluster('cluster1'));

const route: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'catalog', namespace: 'default' },
  spec: { http: [{ route: [{ destination: { host: 'vm' }, weight: 100 }] }] },
};
const routeRef = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  namespace: 'default',
  name: 'catalog',
};

it('shows an object in all versions of its group', async () => {
  const kube = new FakeCluster('cluster1', [route]);
  expect(await kube.get({ ...routeRef, apiVersion: 'networking.istio.io/v1beta1' })).not.toBeNull();
});

it('counts a generation when the spec changes, not when labels or the status do', async () => {
  const kube = new FakeCluster('cluster1');
  const generation = async () => (await kube.get(routeRef))?.metadata.generation;
  await kube.apply(route);
  await kube.applyStatus({ ...route, status: { phase: 'x' } });
  await kube.apply({ ...route, metadata: { ...route.metadata, labels: { a: '1' } } });
  expect(await generation()).toBe(1);
  await kube.apply({ ...route, spec: { http: [] } });
  expect(await generation()).toBe(2);
});

it('deletes what the deleted owned, down to the last', async () => {
  const kube = new FakeCluster('cluster1');
  const owned = async (name: string, owner?: KubeObject) => {
    const ownerReferences = owner
      ? [{ kind: owner.kind, name: owner.metadata.name, uid: String(owner.metadata.uid) }]
      : [];
    return kube.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default', ownerReferences },
    });
  };
  const first = await owned('first');
  await owned('third', await owned('second', first));
  await owned('apart');
  await kube.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'first' });
  expect(
    (await kube.list({ apiVersion: 'v1', kind: 'ConfigMap' })).map(({ metadata }) => metadata.name),
  ).toEqual(['apart']);
});

it('hands out copies: changing them changes nothing that is stored', async () => {
  const kube = new FakeCluster('cluster1', [route]);
  const found = (await kube.get(routeRef)) as { spec: { http: unknown[] } } | null;
  found?.spec.http.pop();
  expect(await kube.get(routeRef)).toMatchObject({ spec: route.spec });
});

it('lets a listener act as a controller would', async () => {
  const kube = new FakeCluster('cluster1');
  kube.onWrite(({ verb, object }) => {
    if (object.kind === 'VirtualService' && verb === 'create')
      kube.put({ ...object, status: { seen: true } });
  });
  await kube.apply(route);
  expect(await kube.get(routeRef)).toMatchObject({ status: { seen: true } });
});

it('serves what a pod would answer', async () => {
  const kube = new FakeCluster('cluster1');
  const target = { namespace: 'default', pod: 'a', port: 15020 };
  await expect(kube.podGet(target, '/stats')).rejects.toMatchObject({ code: 'cluster-refused' });
  let count = 0;
  kube.serve(target, '/stats', () => `calls ${++count}`);
  expect(await kube.podGet(target, '/stats')).toBe('calls 1');
  expect(await kube.forwardedGet(target, '/stats')).toBe('calls 2');
});

it('does nothing when it is unreachable, and everything when only its answer is lost', async () => {
  const kube = new FakeCluster('cluster1');
  await expect(withFaults(kube, { apply: unreachable }).apply(route)).rejects.toMatchObject({
    code: 'cluster-unreachable',
  });
  expect(await kube.get(routeRef)).toBeNull();
  await expect(withFaults(kube, { apply: answerLost }).apply(route)).rejects.toMatchObject({
    code: 'cluster-unreachable',
  });
  expect(await kube.get(routeRef)).not.toBeNull();
});

it('fails one verb, some calls or some objects, as arranged', async () => {
  const kube = new FakeCluster('cluster1');
  const once = withFaults(kube, { apply: times(1, conflict) });
  await expect(once.apply(route)).rejects.toMatchObject({ code: 'cluster-conflict' });
  await expect(once.apply(route)).resolves.toBeDefined();
  const routesOnly = withFaults(kube, {
    apply: when(({ args }) => (args[0] as KubeObject).kind === 'VirtualService', refuse('quota')),
  });
  await expect(routesOnly.apply(route)).rejects.toMatchObject({ code: 'cluster-refused', why: 'quota' });
  await expect(routesOnly.apply({ ...route, kind: 'DestinationRule' })).resolves.toBeDefined();
  expect(routesOnly.cluster).toBe('cluster1');
});

it('answers late when it is slow', async () => {
  const clock = new FakeClock(0);
  const slow = withFaults(new FakeCluster('cluster1'), { version: delay(250, clock) });
  const asking = slow.version();
  await clock.advance(250);
  expect(await asking).toBe('v1.36.3');
});
