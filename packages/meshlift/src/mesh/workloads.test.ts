import { expect, test } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { copyServiceAccount, isWorkload, markedCopy, podTemplate } from './copy.ts';
import { farCopyObjects } from './far-copy.ts';
import { expectGolden } from './testdata/golden.ts';
import { vmAccount, workloadGroup } from './vm-workload.ts';

const migration = sampleMigration();

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
