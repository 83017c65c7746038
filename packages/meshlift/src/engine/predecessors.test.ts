import { expect, test } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import { unreachable, withFaults } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { readPredecessors, refuseCycle } from './predecessors.ts';

function stored(name: string, after: readonly unknown[], phase?: string, namespace = 'default'): KubeObject {
  return {
    apiVersion: 'meshlift.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace },
    spec: { after },
    ...(phase && { status: { phase } }),
  };
}

/** productcatalog, after these, in a home cluster that has these. */
function looking(after: readonly unknown[], objects: readonly KubeObject[]) {
  const migration = sampleMigration({ after });
  const [member] = migration.spec.clusters;
  if (!member) throw new Error('no member');
  const kube = new FakeCluster('cluster1', objects);
  const callers = { read: async () => ({ cluster: 'cluster1', callers: [], unread: [] }) };
  return {
    migration,
    home: { name: 'cluster1', member, kube, callers },
    signal: new AbortController().signal,
  };
}

const cart = { name: 'cart', phase: 'Completed' };

test('a predecessor is as far as its record says, and null where there is none', async () => {
  const context = looking(
    ['cart', 'ads', { name: 'pay', namespace: 'money', phase: 'Shifted' }],
    [stored('cart', [], 'Shifting'), stored('pay', [], 'Retired', 'money')],
  );
  expect(await readPredecessors(context)).toEqual([
    { migration: 'default/cart', wanted: 'Completed', phase: 'Shifting' },
    { migration: 'default/ads', wanted: 'Completed', phase: null },
    { migration: 'money/pay', wanted: 'Shifted', phase: 'Retired' },
  ]);
});

test('a home cluster that does not answer knows of no predecessor', async () => {
  const context = looking(['cart'], [stored('cart', [], 'Completed')]);
  const home = { ...context.home, kube: withFaults(context.home.kube, { get: unreachable }) };
  expect(await readPredecessors({ ...context, home })).toMatchObject([{ phase: null }]);
});

test('migrations that would wait for each other are refused, with the way round', async () => {
  const context = looking(
    ['cart'],
    [stored('cart', [{ name: 'ads', phase: 'Completed' }]), stored('ads', [{ name: 'productcatalog' }])],
  );
  await expect(refuseCycle(context)).rejects.toThrow(
    'default/productcatalog → default/cart → default/ads → default/productcatalog',
  );
});

test('waves that meet again are no circle', async () => {
  const context = looking(
    ['ads', 'pay'],
    [stored('ads', [cart]), stored('pay', [cart]), stored('cart', [], 'Retired')],
  );
  await expect(refuseCycle(context)).resolves.toBeUndefined();
});
