import { expect, it } from 'vitest';
import { FakeCluster } from './fake.ts';
import { type KubeVerb, unreachable, withFaults } from './faults.ts';
import { withSharedReads } from './shared-reads.ts';

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
});

function counted() {
  const asked: string[] = [];
  const cluster = new FakeCluster('cluster1', [service('catalog')]);
  const count = (verb: KubeVerb) => ({
    [verb]: (call: { verb: string }, proceed: () => Promise<unknown>) => {
      asked.push(call.verb);
      return proceed();
    },
  });
  return {
    cluster,
    asked,
    kube: withSharedReads(withFaults(cluster, { ...count('list'), ...count('may') })),
  };
}

it('asks the cluster once, however many ask, and each other question by itself', async () => {
  const { asked, kube } = counted();
  const query = { apiVersion: 'v1', kind: 'Service' };
  const [first, second] = await Promise.all([
    kube.list(query, new AbortController().signal),
    kube.list({ ...query }, new AbortController().signal),
  ]);
  expect(first).toHaveLength(1);
  expect(second).toEqual(first);
  expect(asked).toEqual(['list']);
  await kube.list({ ...query, namespace: 'other' });
  expect(asked).toEqual(['list', 'list']);
});

it('gives everyone the same failure, and asks no more', async () => {
  const broken = withSharedReads(withFaults(new FakeCluster('cluster1'), { list: unreachable }));
  const query = { apiVersion: 'v1', kind: 'Pod' };
  await expect(broken.list(query)).rejects.toMatchObject({ code: 'cluster-unreachable' });
  await expect(broken.list(query)).rejects.toMatchObject({ code: 'cluster-unreachable' });
});

it('asks a few questions at a time, and every one of them', async () => {
  const open: (() => void)[] = [];
  let most = 0;
  const slow = withSharedReads(
    withFaults(new FakeCluster('cluster1'), {
      get: async (_call, proceed) => {
        await new Promise<void>((resolve) => {
          open.push(resolve);
          most = Math.max(most, open.length);
        });
        return proceed();
      },
    }),
  );
  const names = Array.from({ length: 30 }, (_, i) => `service-${i}`);
  const answers = Promise.all(
    names.map((name) => slow.get({ apiVersion: 'v1', kind: 'Service', namespace: 'default', name })),
  );
  let answered = 0;
  while (answered < names.length) {
    await new Promise((resolve) => setImmediate(resolve));
    answered += open.length;
    for (const proceed of open.splice(0)) proceed();
  }
  expect(await answers).toHaveLength(30);
  expect(most).toBe(8);
});

it('lets every write through', async () => {
  const { cluster, kube } = counted();
  await kube.apply(service('cart'));
  await kube.apply(service('cart'));
  expect(kube.cluster).toBe('cluster1');
  expect(cluster.objects().some((it) => it.metadata.name === 'cart')).toBe(true);
});
