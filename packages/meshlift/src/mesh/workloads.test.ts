import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { copyServiceAccount, isWorkload, markedCopy, podTemplate } from './copy.ts';
import { farCopyObjects } from './far-copy.ts';
import { farVmObjects } from './far-vm.ts';
import { homeStandIns } from './home-stand-in.ts';
import { expectGolden } from './testdata/golden.ts';
import { isVmEndpoint, vmAccount, workloadGroup } from './vm-workload.ts';

const migration = sampleMigration();
const vm = { ssh: {}, serviceAccount: 'productcatalog', probe: { grpc: { port: 3550 } } };

const manifests: readonly KubeObject[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'productcatalog' } },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'productcatalogservice', labels: { team: 'catalog' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'productcatalogservice' } },
      template: {
        metadata: {
          labels: { app: 'productcatalogservice' },
          annotations: { 'sidecar.istio.io/inject': 'true' },
        },
        spec: {
          serviceAccountName: 'productcatalog',
          containers: [{ name: 'server', image: 'meshlift.dev/shop/productcatalogservice:1' }],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'products', namespace: 'elsewhere' },
    data: { 'products.json': '[]' },
  },
];

test('the VM’s identity and group', () => {
  expectGolden('vm-workload', [vmAccount(migration), workloadGroup(migration)]);
});

test('the copy’s stand-ins, one for each address of the far gateway', () => {
  expectGolden(
    'far-copy',
    farCopyObjects(migration, 'cluster1', ['10.10.2.101', '10.10.2.102'], 'productcatalog'),
  );
});

describe('with global names', () => {
  const apart = sampleMigration({ topology: 'global-names' });
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'productcatalogservice', namespace: 'default' },
    spec: {
      selector: { app: 'productcatalogservice' },
      ports: [
        { name: 'grpc', port: 3550, targetPort: 3550 },
        { name: 'metrics', port: 9090, targetPort: 'prom' },
      ],
    },
  };
  const standIns = (cluster: string) =>
    homeStandIns(apart, cluster, service, ['10.10.2.101'], 'productcatalog');

  test('the VM’s stand-in where its registration is not read, and the pods’ behind the service’s own name', () => {
    expectGolden('global-names-stand-ins', [...farVmObjects(apart, 'cluster2'), ...standIns('cluster1')]);
  });

  test('a cluster needs no stand-in of what it has itself', () => {
    expect(farVmObjects(apart, 'cluster1')).toEqual([]);
    expect(standIns('cluster2')).toEqual([]);
  });

  test('what stays after completion has none of the labels by which everything else is removed', () => {
    for (const { metadata } of standIns('cluster1')) {
      expect(metadata.labels).toEqual({ 'meshlift.dev/stand-in': 'productcatalog' });
    }
  });

  test('each of several VMs has a stand-in of its own', () => {
    const several = sampleMigration({
      topology: 'global-names',
      vm: { ...vm, hosts: [{ host: '10.10.100.10' }, { host: 'fd00::5' }] },
    });
    const entries = farVmObjects(several, 'cluster2');
    expect(entries.map(({ spec }) => (spec as { address: string }).address)).toEqual([
      '10.10.100.10',
      'fd00::5',
    ]);
    expect(new Set(entries.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  test('the VM registers for its home cluster alone', () => {
    const { metadata } = workloadGroup(apart).spec as { metadata: { labels: Record<string, string> } };
    expect(Object.keys(metadata.labels).filter((it) => it.startsWith('in.'))).toEqual([
      'in.meshlift.dev/cluster1',
    ]);
  });

  test('nothing of this is in a mesh where clusters discover each other’s endpoints', () => {
    expect(farVmObjects(migration, 'cluster2')).toEqual([]);
    expect(homeStandIns(migration, 'cluster1', service, ['10.10.2.101'], 'productcatalog')).toEqual([]);
  });
});

test('several ports are named apart, and are one at a gateway', () => {
  const several = sampleMigration({
    service: { name: 'cart', port: 7070, protocol: 'grpc', morePorts: [{ port: 8080, protocol: 'grpc' }] },
  });
  expect(workloadGroup(several).spec).toMatchObject({
    template: { ports: { grpc: 7070, 'grpc-8080': 8080 } },
  });
  const [standIn] = farCopyObjects(several, 'cluster1', ['10.10.2.101'], 'cart');
  expect(standIn?.spec).toMatchObject({ ports: { grpc: 15_443, 'grpc-8080': 15_443 } });
});

test('an endpoint is told to be one of the VMs by its whole address', () => {
  const several = sampleMigration({ vm: { ...vm, hosts: [{ host: '10.10.100.1' }, { host: 'fd00::5' }] } });
  expect(isVmEndpoint(several, '10.10.100.1:3550')).toBe(true);
  expect(isVmEndpoint(several, '[fd00::5]:3550')).toBe(true);
  expect(isVmEndpoint(several, '10.10.100.10:3550')).toBe(false);
  expect(isVmEndpoint(several, '[fd00::51]:3550')).toBe(false);
});

test('the ways of two clusters to a third have names of their own', () => {
  const three = sampleMigration({
    clusters: ['cluster1', 'cluster2', 'cluster3'].map((name) => ({
      name,
      context: name,
      home: name === 'cluster1',
      target: name === 'cluster3',
    })),
  });
  const names = ['cluster1', 'cluster2'].flatMap((from) =>
    farCopyObjects(three, from, ['10.10.3.101', '10.10.3.102'], 'productcatalog').map(
      (it) => it.metadata.name,
    ),
  );
  expect(new Set(names).size).toBe(4);
});

test('the copy is the user’s manifests with a namespace and the marks of its side', () => {
  expectGolden('copy', markedCopy(migration, manifests));
});

test('the marks are put on the pods alone: the workload’s selector and the manifests stay as they were', () => {
  const before = structuredClone(manifests);
  const [, deployment] = markedCopy(migration, manifests);
  expect(manifests).toEqual(before);
  expect(deployment?.spec).toMatchObject({ selector: { matchLabels: { app: 'productcatalogservice' } } });
  expect(deployment?.metadata.labels).toEqual({ team: 'catalog' });
  expect(deployment && podTemplate(deployment).metadata?.labels).toEqual({
    app: 'productcatalogservice',
    'meshlift.dev/side': 'k8s',
    'in.meshlift.dev/cluster2': 'productcatalog',
  });
});

test('a workload without labels in its template gets the marks as well', () => {
  const bare = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'a' }, spec: {} };
  const [marked] = markedCopy(migration, [bare]);
  expect(marked && podTemplate(marked).metadata?.labels).toMatchObject({ 'meshlift.dev/side': 'k8s' });
});

test('the copy runs as its workload says, or as the default account', () => {
  expect(copyServiceAccount(manifests)).toBe('productcatalog');
  expect(copyServiceAccount(manifests.filter((it) => !isWorkload(it)))).toBe('default');
});
