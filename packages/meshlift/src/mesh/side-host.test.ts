import { expect, test } from 'vitest';
import { sides } from '../migration/traffic-split.ts';
import type { Topology } from '../spec/migration.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { farVmLabels, k8sLabels, vmLabels } from './marks.ts';
import { sideHostObjects } from './side-host.ts';
import { expectGolden } from './testdata/golden.ts';

const service = { name: 'productcatalogservice', port: 3550 };

test.each([
  ['side-hosts-grpc-net', { protocol: 'grpc' }, 'safe'],
  ['side-hosts-grpc-without-net', { protocol: 'grpc' }, 'off'],
  ['side-hosts-http-net', { protocol: 'http' }, 'idempotent'],
  ['side-hosts-tcp-net', { protocol: 'tcp' }, 'safe'],
] as const)('%s', (name, protocol, retries) => {
  const migration = sampleMigration({ service: { ...service, ...protocol }, net: { retries } });
  expectGolden(
    name,
    sides.flatMap((side) => sideHostObjects(migration, side, 'cluster1', 'present')),
  );
});

const morePorts = [{ port: 8080, protocol: 'http' }] as const;

test('side hosts of a service with several ports: what holds for one holds for each', () => {
  const migration = sampleMigration({ service: { ...service, protocol: 'grpc', morePorts } });
  expectGolden(
    'side-hosts-several-ports',
    sides.flatMap((side) => sideHostObjects(migration, side, 'cluster1', 'present')),
  );
});

test('side hosts of a mesh with global names: the copy’s is global', () => {
  const migration = sampleMigration({ topology: 'global-names' });
  expectGolden(
    'side-hosts-global-names',
    sides.flatMap((side) => sideHostObjects(migration, side, 'cluster1', 'present')),
  );
});

/** Which endpoints a side host holds in a cluster, as Istio selects them: by every label of its selector. */
function holds(
  retries: 'safe' | 'off',
  side: 'vm' | 'k8s',
  cluster: string,
  host: 'side' | 'alone' = 'side',
  topology: Topology = 'endpoint-discovery',
): readonly string[] {
  const migration = sampleMigration({ net: { retries }, topology });
  const entry = sideHostObjects(migration, side, cluster, 'present').find(
    ({ kind, spec }) =>
      kind === 'ServiceEntry' &&
      (spec as { hosts: string[] }).hosts[0]?.endsWith('.alone') === (host === 'alone'),
  );
  const { labels } = (entry as unknown as { spec: { workloadSelector: { labels: Record<string, string> } } })
    .spec.workloadSelector;
  const endpoints: Record<string, Record<string, string>> = {
    vm: vmLabels(migration),
    ...(topology === 'global-names' && {
      'stand-in of the vm in cluster2': farVmLabels(migration, 'cluster2'),
    }),
    'pods in cluster2': k8sLabels(migration, 'cluster2'),
    'stand-in in cluster1': k8sLabels(migration, 'cluster1'),
    'someone else’s pods': { app: 'productcatalogservice' },
    'another migration’s vm': Object.fromEntries(
      Object.entries(vmLabels(migration)).map(([key, value]) => [
        key,
        key.startsWith('in.') ? 'other' : value,
      ]),
    ),
  };
  return Object.keys(endpoints).filter((name) =>
    Object.entries(labels).every(([key, value]) => endpoints[name]?.[key] === value),
  );
}

test('with the net, each side of a cluster holds the VM and the one way to the copy that works from there', () => {
  for (const side of sides) {
    expect(holds('safe', side, 'cluster1')).toEqual(['vm', 'stand-in in cluster1']);
    expect(holds('safe', side, 'cluster2')).toEqual(['vm', 'pods in cluster2']);
  }
});

test('with global names, a cluster that does not read the VM’s registration holds its stand-in, and never both', () => {
  for (const side of sides) {
    expect(holds('safe', side, 'cluster1', 'side', 'global-names')).toEqual(['vm', 'stand-in in cluster1']);
    expect(holds('safe', side, 'cluster2', 'side', 'global-names')).toEqual([
      'stand-in of the vm in cluster2',
      'pods in cluster2',
    ]);
  }
});

test('without the net, each side holds its own endpoints only', () => {
  expect(holds('off', 'vm', 'cluster1')).toEqual(['vm']);
  expect(holds('off', 'k8s', 'cluster1')).toEqual(['stand-in in cluster1']);
  expect(holds('off', 'vm', 'cluster2')).toEqual(['vm']);
  expect(holds('off', 'k8s', 'cluster2')).toEqual(['pods in cluster2']);
});

test('alone, a side holds its own endpoints only, net or not', () => {
  for (const retries of ['safe', 'off'] as const) {
    expect(holds(retries, 'vm', 'cluster1', 'alone')).toEqual(['vm']);
    expect(holds(retries, 'k8s', 'cluster1', 'alone')).toEqual(['stand-in in cluster1']);
    expect(holds(retries, 'vm', 'cluster2', 'alone')).toEqual(['vm']);
    expect(holds(retries, 'k8s', 'cluster2', 'alone')).toEqual(['pods in cluster2']);
  }
});

test('each side prefers its own endpoints', () => {
  const migration = sampleMigration();
  for (const side of sides) {
    const rule = sideHostObjects(migration, side, 'cluster1', 'present').find(
      ({ kind }) => kind === 'DestinationRule',
    );
    expect(rule?.spec).toMatchObject({
      trafficPolicy: {
        loadBalancer: { localityLbSetting: { failoverPriority: [`meshlift.dev/side=${side}`] } },
      },
    });
  }
});

test('as long as there is no copy, no endpoint is ejected: the VM is the only one there is', () => {
  for (const side of sides) {
    const rule = sideHostObjects(sampleMigration(), side, 'cluster1', 'absent').find(
      ({ kind }) => kind === 'DestinationRule',
    );
    expect(rule?.spec).toMatchObject({
      trafficPolicy: { outlierDetection: { consecutiveGatewayErrors: 0, consecutive5xxErrors: 0 } },
    });
  }
});

test('the order of endpoints holds before the copy’s first one appears, so that 0 % is none', () => {
  for (const side of sides) {
    const rule = sideHostObjects(sampleMigration(), side, 'cluster1', 'absent').find(
      ({ kind }) => kind === 'DestinationRule',
    );
    expect(rule?.spec).toHaveProperty('trafficPolicy.outlierDetection');
    expect(rule?.spec).toMatchObject({
      trafficPolicy: {
        loadBalancer: { localityLbSetting: { failoverPriority: [`meshlift.dev/side=${side}`] } },
      },
    });
  }
});

test('with the net, an endpoint that is cut off in silence is noticed by pings, and by connections not made', () => {
  for (const side of sides) {
    const rule = sideHostObjects(sampleMigration(), side, 'cluster1', 'present').find(
      ({ kind }) => kind === 'DestinationRule',
    );
    expect(rule?.spec).toMatchObject({
      trafficPolicy: {
        connectionPool: {
          tcp: { connectTimeout: '1500ms' },
          http: { http2KeepAlive: { interval: '500ms', timeout: '2s' } },
        },
      },
    });
  }
});
