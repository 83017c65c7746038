import { describe, expect, it } from 'vitest';
import { unreachable } from '../effects/kube/faults.ts';
import { expectNoticed, type Spoilt } from './testdata/notices.ts';
import { pem, SoundWorld } from './testdata/sound-world.ts';

/** What was done to a sound world, and which checks must notice it, with what they say. */

const istiod = { namespace: 'istio-system', pod: 'istiod-1', port: 15014 };

it.each<Spoilt>([
  [
    'a cluster that does not answer',
    (world) => {
      world.faults.cluster2 = { version: unreachable };
    },
    { 'clusters-reachable': /unknown: .*cluster2/ },
  ],
  [
    'a right that is not granted',
    ({ clusters }) => {
      clusters.cluster2.forbid('*', '*');
      clusters.cluster2.forbid('patch', 'virtualservices');
      clusters.cluster2.forbid('list', 'sidecars');
    },
    {
      'clusters-rights':
        /fail: in cluster2, .* list sidecars.networking.istio.io in all namespaces; patch virtualservices.networking.istio.io in namespace default/,
    },
  ],
  [
    'a right that only the home cluster needs',
    ({ clusters }) => {
      for (const cluster of [clusters.cluster1, clusters.cluster2]) cluster.forbid('*', '*');
      clusters.cluster1.forbid('create', 'serviceaccounts');
      clusters.cluster2.forbid('create', 'serviceaccounts');
    },
    { 'clusters-rights': /^fail: in cluster1, [^\n]* create serviceaccounts[^\n]*$/ },
  ],
  [
    'an API server whose clock is wrong',
    (world) => {
      world.faults.cluster1 = { now: async () => world.clock.now() - 90_000 };
    },
    { 'clusters-clock': /fail: .*cluster1.* 90 s behind/ },
  ],
  [
    'an istiod that is not ready',
    (world) =>
      world.change('cluster2', 'Pod', 'istiod-1', (pod) => {
        pod.status.conditions[0].status = 'False';
      }),
    { 'clusters-istiod-ready': /fail: cluster2 has no ready istiod in namespace istio-system/ },
  ],
  [
    'an Istio that is too old',
    ({ clusters }) => clusters.cluster1.serve(istiod, '/version', '{"version":"1.23.6"}'),
    {
      'clusters-istio-supported': /fail: cluster1 runs Istio 1.23.6/,
      'clusters-istio-same': /warning: cluster1 runs Istio 1.23.6, and cluster2 1.31.0/,
    },
  ],
  [
    'an Istio that doesn’t tell its release',
    ({ clusters }) => clusters.cluster1.serve(istiod, '/version', '{"version":"unknown"}'),
    {
      'clusters-istio-supported': /unknown: istiod in cluster1 gives its version as/,
      'clusters-istio-same': /warning/,
    },
  ],
  [
    'another root in one cluster',
    (world) =>
      world.change('cluster2', 'ConfigMap', 'istio-ca-root-cert', (map) => {
        map.data['root-cert.pem'] = pem('other-root');
      }),
    { 'clusters-one-root': /fail: cluster1 and cluster2 trust different roots/ },
  ],
  [
    'a namespace without the mesh’s root',
    (world) =>
      world.change('cluster2', 'ConfigMap', 'istio-ca-root-cert', (map) => {
        map.data = {};
      }),
    {
      'clusters-one-root':
        /unknown: ConfigMap default\/istio-ca-root-cert in cluster2: it holds no certificate/,
    },
  ],
  [
    'the root of Istio’s samples',
    (world) => {
      for (const cluster of ['cluster1', 'cluster2'] as const)
        world.change(cluster, 'ConfigMap', 'istio-ca-root-cert', (map) => {
          map.data['root-cert.pem'] = pem('istio-sample-root');
        });
    },
    { 'clusters-own-root': /warning: cluster1 trusts .* public.*\ncluster2 trusts/ },
  ],
  [
    'another trust domain in one cluster',
    (world) =>
      world.change('cluster2', 'ConfigMap', 'istio', (map) => {
        map.data.mesh = 'trustDomain: corp.example';
      }),
    {
      'clusters-one-trust-domain':
        /fail: cluster1 has the trust domain cluster.local, and cluster2 corp.example/,
    },
  ],
  [
    'a member that does not discover another',
    (world) =>
      world.change('cluster1', 'Secret', 'istio-remote-secret-cluster2', (secret) => {
        secret.data = {};
      }),
    { 'clusters-joined-by-remote-secrets': /fail: cluster1 has no remote secret for cluster2/ },
  ],
  [
    'a cluster of the mesh that is no member',
    ({ clusters }) => {
      clusters.cluster1.put({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'istio-remote-secret-cluster3',
          namespace: 'istio-system',
          labels: { 'istio/multiCluster': 'true' },
        },
        data: { cluster3: 'a3ViZWNvbmZpZw==' },
      });
    },
    { 'clusters-all-are-members': /warning: cluster cluster3 .* callers of productcatalogservice/ },
  ],
])('notices %s', (_what, spoil, noticed) => expectNoticed(spoil, noticed));

describe('the root', () => {
  it('must not end during the migration', async () => {
    const world = new SoundWorld();
    // The test's root is valid for a hundred years; the world is a month short of its end.
    await world.clock.advance(Date.UTC(2126, 9, 25) - world.clock.now());
    world.vm.now = `${world.clock.now()}000000`;
    expect((await world.noticed())['clusters-root-lasts']).toMatch(/warning: .*2126-10-30/);
  });
});

it('a control plane with a revision is read by its own configuration', async () => {
  const world = new SoundWorld();
  for (const cluster of ['cluster1', 'cluster2'] as const) {
    world.change(cluster, 'Pod', 'istiod-1', ({ metadata }) => {
      metadata.labels['istio.io/rev'] = 'canary';
    });
    for (const name of ['istio', 'istio-sidecar-injector']) {
      world.change(cluster, 'ConfigMap', name, (map) => {
        world.clusters[cluster].put({ ...map, metadata: { ...map.metadata, name: `${name}-canary` } });
        map.data = {};
      });
    }
  }
  expect(await world.noticed()).toEqual({});
});

it('clusters that do not read each other need no remote secrets, and must have none', async () => {
  const world = new SoundWorld();
  world.spec = { topology: 'global-names' };
  expect((await world.noticed())['clusters-apart-for-global-names']).toMatch(
    /fail: cluster1 has Secret istio-system\/istio-remote-secret-cluster2/,
  );
  for (const [cluster, other] of [
    ['cluster1', 'cluster2'],
    ['cluster2', 'cluster1'],
  ] as const)
    world.change(cluster, 'Secret', `istio-remote-secret-${other}`, (secret) => {
      secret.data = {};
    });
  expect(await world.noticed()).toEqual({});
});

it('a migration within one cluster needs no remote secrets', async () => {
  const world = new SoundWorld();
  world.spec = { clusters: [{ name: 'cluster1', context: 'cluster1', home: true, target: true }] };
  world.change('cluster1', 'Secret', 'istio-remote-secret-cluster2', (secret) => {
    secret.data = {};
  });
  expect(await world.noticed()).toEqual({});
});
