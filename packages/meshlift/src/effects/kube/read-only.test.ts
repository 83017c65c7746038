import { expect, it } from 'vitest';
import { FakeCluster } from './fake.ts';
import { readOnly } from './read-only.ts';

const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'catalog', namespace: 'default' } };

it('reads, and has the server judge a write, without writing', async () => {
  const cluster = new FakeCluster('cluster1', [service]);
  const kube = readOnly(cluster);
  expect((await kube.get({ ...service, namespace: 'default', name: 'catalog' }))?.kind).toBe('Service');
  const relabelled = { ...service, metadata: { ...service.metadata, labels: { app: 'catalog' } } };
  expect((await kube.apply(relabelled, { dryRun: true })).metadata.labels).toEqual({ app: 'catalog' });
  expect(cluster.objects()[0]?.metadata.labels).toBeUndefined();
});

it.each([
  ['apply', (kube: FakeCluster) => kube.apply(service)],
  ['create', (kube: FakeCluster) => kube.create(service)],
  ['replace', (kube: FakeCluster) => kube.replace(service)],
  ['delete', (kube: FakeCluster) => kube.delete({ ...service, namespace: 'default', name: 'catalog' })],
  ['applyStatus', (kube: FakeCluster) => kube.applyStatus(service)],
] as const)('lets no %s through', async (_verb, write) => {
  const cluster = new FakeCluster('cluster1', [service]);
  const before = JSON.stringify(cluster.objects());
  await expect(write(readOnly(cluster) as FakeCluster)).rejects.toThrow('this command must not write');
  expect(JSON.stringify(cluster.objects())).toBe(before);
});
