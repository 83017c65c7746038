import { expect, it } from 'vitest';
import { FakeCluster } from '../kube/fake.ts';
import type { KubeObject } from '../kube/port.ts';
import { isSynced, parseSyncStatus, readSyncStatus, syncStatus } from './sync-status.ts';

/** One entry as Istio 1.31 writes it. */
const frontend = {
  cluster_id: 'cluster2',
  proxy: 'frontend-5c9.v2.default',
  proxy_type: 'sidecar',
  istio_version: '1.31.0',
  cluster_sent: 'c1',
  cluster_acked: 'c1',
  listener_sent: 'l1',
  listener_acked: 'l1',
  route_sent: 'r2',
  route_acked: 'r1',
  endpoint_sent: 'e1',
  endpoint_acked: 'e1',
  resources: { 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration': { sent: 'r2', acked: 'r1' } },
};

function istiod(name: string, ready: boolean, revision = 'default'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'istio-system', labels: { app: 'istiod', 'istio.io/rev': revision } },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

it('reads what was sent and what was taken, per kind of configuration', () => {
  const [proxy] = parseSyncStatus(JSON.stringify([frontend]), 'istiod-1');
  expect(proxy).toEqual({
    id: 'frontend-5c9.v2.default',
    name: 'frontend-5c9.v2',
    namespace: 'default',
    cluster: 'cluster2',
    type: 'sidecar',
    istiod: 'istiod-1',
    sent: { clusters: 'c1', endpoints: 'e1', listeners: 'l1', routes: 'r2' },
    acked: { clusters: 'c1', endpoints: 'e1', listeners: 'l1', routes: 'r1' },
    rejected: null,
  });
});

it('is synced once every kind is taken, and not when the proxy turned something down', () => {
  const synced = { ...frontend, route_acked: 'r2' };
  const rejecting = { ...synced, resources: { x: { sent: 'a', acked: 'a', lastError: 'no such cluster' } } };
  const [late, good, bad] = parseSyncStatus(JSON.stringify([frontend, synced, rejecting]), 'istiod-1');
  expect([late, good, bad].map((proxy) => proxy && isSynced(proxy))).toEqual([false, true, false]);
  expect(bad?.rejected).toBe('no such cluster');
});

it('takes an istiod without proxies for one without proxies', () => {
  expect(parseSyncStatus('[]', 'istiod-1')).toEqual([]);
  expect(parseSyncStatus('null', 'istiod-1')).toEqual([]);
});

it('asks every ready istiod', async () => {
  const cluster = new FakeCluster('cluster1', [
    istiod('istiod-1', true),
    istiod('istiod-2', true),
    istiod('istiod-3', false),
  ]);
  for (const pod of ['istiod-1', 'istiod-2']) {
    const body = JSON.stringify([{ ...frontend, proxy: `a-${pod}.default` }]);
    cluster.serve({ namespace: 'istio-system', pod, port: 15014 }, '/debug/syncz', body);
  }
  expect((await readSyncStatus(cluster)).map(({ id, istiod }) => [id, istiod])).toEqual([
    ['a-istiod-1.default', 'istiod-1'],
    ['a-istiod-2.default', 'istiod-2'],
  ]);
});

it('asks an istiod that was not there the last time, and none that is gone', async () => {
  const cluster = new FakeCluster('cluster1', [istiod('istiod-1', true)]);
  const serve = (pod: string) =>
    cluster.serve(
      { namespace: 'istio-system', pod, port: 15014 },
      '/debug/syncz',
      JSON.stringify([{ ...frontend, proxy: `a-${pod}.default` }]),
    );
  serve('istiod-1');
  const read = syncStatus(cluster);
  expect((await read()).map(({ istiod: by }) => by)).toEqual(['istiod-1']);
  serve('istiod-2');
  cluster.put(istiod('istiod-2', true));
  expect((await read()).map(({ istiod: by }) => by)).toEqual(['istiod-1', 'istiod-2']);
  cluster.put(istiod('istiod-1', false));
  cluster.serve({ namespace: 'istio-system', pod: 'istiod-1', port: 15014 }, '/debug/syncz', 'gone');
  expect((await read()).map(({ istiod: by }) => by)).toEqual(['istiod-2']);
});

it('fails as a whole when one istiod cannot be asked: its proxies would look as if they were gone', async () => {
  const cluster = new FakeCluster('cluster1', [istiod('istiod-1', true), istiod('istiod-2', true)]);
  cluster.serve({ namespace: 'istio-system', pod: 'istiod-1', port: 15014 }, '/debug/syncz', '[]');
  await expect(readSyncStatus(cluster)).rejects.toMatchObject({ code: 'cluster-refused' });
});

it('says that no istiod is ready, of the revision asked for', async () => {
  const cluster = new FakeCluster('cluster1', [istiod('istiod-1', true, 'old')]);
  await expect(readSyncStatus(cluster, { revision: 'new' })).rejects.toMatchObject({
    code: 'cluster-refused',
    why: expect.stringContaining('of revision new'),
  });
});
