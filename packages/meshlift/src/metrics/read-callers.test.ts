import { expect, it } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import { unreachable, when, withFaults } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { callersAmong } from './callers.ts';
import { readCallers } from './read-callers.ts';

const hosts = ['catalog-vm.default.side'];

interface PodLook {
  readonly phase?: string;
  readonly containers?: readonly string[];
  readonly initContainers?: readonly string[];
}

function pod(
  name: string,
  { phase = 'Running', containers = ['app', 'istio-proxy'], initContainers = [] }: PodLook = {},
): KubeObject {
  const status = (names: readonly string[]) =>
    names.map((it) => ({ name: it, containerID: `cri://${name}-${it}` }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels: { 'pod-template-hash': '7d9' },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'frontend-7d9', uid: '1' }],
    },
    status: { phase, containerStatuses: status(containers), initContainerStatuses: status(initContainers) },
  };
}

function stats(count: number): string {
  return `istio_requests_total{reporter="source",destination_service="${hosts[0]}",response_code="200",response_flags="-"} ${count}\n`;
}

it('takes for callers the running pods with a proxy, also where it is a native sidecar', () => {
  const pods = [
    pod('a'),
    pod('native', { containers: ['app'], initContainers: ['istio-init', 'istio-proxy'] }),
    pod('plain', { containers: ['app'] }),
    pod('done', { phase: 'Succeeded' }),
  ];
  expect(
    callersAmong('cluster1', pods).map((caller) => [caller.pod, caller.workload, caller.incarnation]),
  ).toEqual([
    ['a', 'frontend', 'uid-a/cri://a-istio-proxy'],
    ['native', 'frontend', 'uid-native/cri://native-istio-proxy'],
  ]);
});

it('does not take a pod for a caller before its proxy has started', () => {
  const starting = {
    ...pod('a'),
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'istio-proxy', containerID: 'x', started: false }],
    },
  };
  expect(callersAmong('cluster1', [starting])).toEqual([]);
});

it('names a StatefulSet and a pod without owner by their own names', () => {
  const set = pod('db-0');
  const owned = {
    ...set,
    metadata: { ...set.metadata, ownerReferences: [{ kind: 'StatefulSet', name: 'db', uid: '1' }] },
  };
  const alone = { ...set, metadata: { name: 'shell', namespace: 'default', uid: '2' } };
  expect(callersAmong('cluster1', [owned, alone]).map(({ workload }) => workload)).toEqual(['db', 'shell']);
});

it('reads every caller, and names those that did not answer', async () => {
  const cluster = new FakeCluster('cluster1', [pod('a'), pod('b'), pod('c')]);
  for (const name of ['a', 'b'])
    cluster.serve({ namespace: 'default', pod: name, port: 15020 }, '/stats/prometheus', stats(5));
  const sample = await readCallers(cluster, { hosts });
  expect(sample.callers.map(({ caller, calls }) => [caller.pod, calls[0]?.count])).toEqual([
    ['a', 5],
    ['b', 5],
  ]);
  expect(sample.unread).toMatchObject([{ caller: { pod: 'c' }, why: 'nothing is served there' }]);
});

it("asks for no more than it needs, on Envoy's own page", async () => {
  const cluster = new FakeCluster('cluster1', [pod('a')]);
  const asked: { port: number; filter: string | null }[] = [];
  const watched = withFaults(cluster, {
    podGet: async ({ args: [target, path] }) => {
      const { searchParams } = new URL(String(path), 'http://pod');
      asked.push({ port: (target as { port: number }).port, filter: searchParams.get('filter') });
      return stats(5);
    },
  });
  await readCallers(watched, { hosts, latency: false });
  await readCallers(watched, { hosts: ['a.b', 'c.d'] });
  expect(asked).toEqual([
    {
      port: 15090,
      filter:
        'istio_(requests_total|tcp_connections_(opened|closed)_total).*source.*(catalog-vm\\.default\\.side)',
    },
    {
      port: 15090,
      filter:
        'istio_(requests_total|tcp_connections_(opened|closed)_total|request_duration_milliseconds).*source.*(a\\.b|c\\.d)',
    },
  ]);
});

it('reads no more proxies at once than it may', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
  const cluster = new FakeCluster(
    'cluster1',
    names.map((name) => pod(name)),
  );
  for (const name of names)
    cluster.serve({ namespace: 'default', pod: name, port: 15020 }, '/stats/prometheus', stats(1));
  let running = 0;
  let most = 0;
  const watched = withFaults(cluster, {
    podGet: async ({ args }, proceed) => {
      if ((args[0] as { port: number }).port !== 15020) return proceed();
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return proceed();
    },
  });
  expect((await readCallers(watched, { hosts, concurrency: 3 })).callers).toHaveLength(12);
  expect(most).toBe(3);
});

it('fails when the pods cannot be listed: nobody knows who calls', async () => {
  const cluster = withFaults(new FakeCluster('cluster1'), { list: unreachable });
  await expect(readCallers(cluster, { hosts })).rejects.toMatchObject({ code: 'cluster-unreachable' });
});

it('does not wait long for a proxy that hangs', async () => {
  const cluster = withFaults(new FakeCluster('cluster1', [pod('a')]), {
    podGet: ({ args }) =>
      new Promise((_resolve, reject) => {
        const signal = args[2] as AbortSignal;
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  const sample = await readCallers(cluster, { hosts, proxyTimeoutMs: 20 });
  expect(sample).toMatchObject({
    callers: [],
    unread: [{ caller: { pod: 'a' }, why: 'no answer within 20 ms' }],
  });
});

it('stops when the signal aborts, and does not call the rest unread', async () => {
  const controller = new AbortController();
  const cluster = withFaults(new FakeCluster('cluster1', [pod('a')]), {
    podGet: when(() => {
      controller.abort(new Error('enough'));
      return true;
    }, unreachable),
  });
  await expect(readCallers(cluster, { hosts, signal: controller.signal })).rejects.toThrow('enough');
});
