import { describe, expect, it } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { stops } from './check.ts';
import { expectNoticed, type Spoil, type Spoilt } from './testdata/notices.ts';
import { pod, SoundWorld, socketRow } from './testdata/sound-world.ts';
import { namesService } from './traffic/callers.ts';

const calls = (address: string) => ({
  containers: [{ name: 'server', env: [{ name: 'CATALOG_ADDR', value: address }] }],
});

function withoutSidecar(name: string, namespace: string, spec: object = {}, ip = '10.21.0.77') {
  const object = pod(name, namespace, { spec: { containers: [{ name: 'server' }], ...spec }, ip });
  return { ...object, status: { phase: 'Running', podIP: ip } };
}

const put =
  (object: ReturnType<typeof pod>): Spoil =>
  ({ clusters }) =>
    void clusters.cluster1.put(object);

const connected =
  (address: string): Spoil =>
  ({ vm }) => {
    vm.sockets += '\nsocket:[5001]';
    vm.connections += `\n${socketRow('10.10.100.10:3550', `${address}:41000`, 5001)}`;
  };

const strict: Spoil = ({ clusters }) =>
  void clusters.cluster1.put({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'istio-system' },
    spec: { mtls: { mode: 'STRICT' } },
  });

const all =
  (...spoils: readonly Spoil[]): Spoil =>
  (world) => {
    for (const spoil of spoils) spoil(world);
  };

describe('notices', () => {
  it.each<Spoilt>([
    [
      'a caller without a sidecar, by its environment',
      put(withoutSidecar('legacy-1', 'default', calls('productcatalogservice:3550'))),
      {
        'traffic-callers-have-sidecars':
          /fail: default\/legacy-1 in cluster1 calls productcatalogservice \(CATALOG_ADDR of container server\) and has no sidecar/,
      },
    ],
    [
      'a caller without a sidecar, by its command line, from another namespace',
      put(
        withoutSidecar('job-1', 'batch', {
          containers: [{ name: 'sync', args: ['--from=http://productcatalogservice.default.svc/products'] }],
        }),
      ),
      { 'traffic-callers-have-sidecars': /fail: batch\/job-1 .*command line of container sync/ },
    ],
    [
      'a caller from outside every member',
      connected('192.168.7.7'),
      { 'traffic-callers-are-members': /warning: 192.168.7.7 is connected to port 3550/ },
    ],
    [
      'a caller whom strict mutual TLS will refuse',
      all(strict, put(withoutSidecar('legacy-1', 'default', {}, '10.21.0.78')), connected('10.21.0.78')),
      {
        'traffic-callers-are-let-in':
          /fail: default\/legacy-1 \(10.21.0.78\) calls the VM without a sidecar, and PeerAuthentication istio-system\/default/,
      },
    ],
    [
      'a stranger whom strict mutual TLS will refuse',
      all(strict, connected('192.168.7.7')),
      { 'traffic-callers-are-let-in': /fail: 192.168.7.7 calls/, 'traffic-callers-are-members': /warning/ },
    ],
    [
      'a proxy that turned its configuration down',
      ({ clusters }) =>
        clusters.cluster2.serve(
          { namespace: 'istio-system', pod: 'istiod-1', port: 15014 },
          '/debug/syncz',
          JSON.stringify([
            {
              proxy: 'frontend-1.default',
              proxy_type: 'sidecar',
              resources: { lds: { lastError: 'no such filter' } },
            },
          ]),
        ),
      {
        'traffic-proxies-accept':
          /fail: the proxy of frontend-1.default in cluster2 turned down .*no such filter/,
      },
    ],
    [
      'a proxy whose counters can’t be read',
      put(pod('quiet-1', 'default')),
      { 'traffic-metrics-readable': /fail: no metrics from default\/quiet-1 in cluster1/ },
    ],
  ])('%s', (_what, spoil, noticed) => expectNoticed(spoil, noticed));
});

describe('is content with', () => {
  it.each<readonly [what: string, spoil: Spoil]>([
    [
      'a pod without a sidecar that calls others',
      put(withoutSidecar('legacy-1', 'default', calls('cartservice:7070'))),
    ],
    [
      'a pod that has ended',
      put({
        ...withoutSidecar('job-1', 'default', calls('productcatalogservice:3550')),
        status: { phase: 'Succeeded', podIP: '' },
      }),
    ],
    [
      'callers through a node of a member',
      all(
        put({
          ...withoutSidecar('any-1', 'kube-system'),
          status: { phase: 'Running', podIP: '10.21.0.80', hostIP: '10.10.2.7' },
        }),
        connected('10.10.2.7'),
      ),
    ],
    [
      'plaintext callers where they are let in',
      all(put(withoutSidecar('legacy-1', 'default', {}, '10.21.0.78')), connected('10.21.0.78')),
    ],
  ])('%s', async (_what, spoil) => {
    const world = new SoundWorld();
    spoil(world);
    expect(await world.noticed()).toEqual({});
  });
});

describe('a text names the service', () => {
  const migration = sampleMigration();
  it.each([
    ['productcatalogservice:3550', 'default', true],
    ['http://productcatalogservice/products', 'default', true],
    ['productcatalogservice.default', 'shop', true],
    ['dns:///productcatalogservice.default.svc.cluster.local:3550', 'shop', true],
    ['a=b,catalog=productcatalogservice.default.svc:3550', 'shop', true],
    ['productcatalogservice:3550', 'shop', false],
    ['productcatalogservice', 'default', false],
    ['productcatalogservice:35501', 'default', false],
    ['my-productcatalogservice:3550', 'default', false],
    ['productcatalogservice.defaults', 'default', false],
    ['productcatalogservice.default.example.com', 'default', false],
    ['http://productcatalogservice-v2/', 'default', false],
  ])('%s in namespace %s: %s', (text, namespace, names) => {
    expect(namesService(text, migration, namespace)).toBe(names);
  });
});

it('a VM that has joined a strict mesh stops nothing: whom it refuses was decided when it joined', async () => {
  const world = new SoundWorld();
  strict(world);
  world.vm.unit = 'active';
  const stopping = [...(await world.check()).values()].filter(stops).map(({ id }) => id);
  expect(stopping).toEqual([]);
});
