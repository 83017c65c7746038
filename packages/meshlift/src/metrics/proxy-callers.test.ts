import { beforeEach, expect, it } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import { withFaults } from '../effects/kube/faults.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { CallerSample } from './call-series.ts';
import { proxyCallers } from './proxy-callers.ts';

const host = 'catalog-vm.default.side';

function pod(name: string, container = 'first'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'istio-proxy', containerID: `cri://${container}` }],
    },
  };
}

let time = 0;
let asked: string[] = [];
let counts: Record<string, number> = {};
let cluster: FakeCluster;

beforeEach(() => {
  time = 0;
  asked = [];
  counts = { busy: 10, silent: 3 };
  cluster = new FakeCluster('cluster1', [pod('busy'), pod('silent')]);
});

function source({ envoyPage = true } = {}) {
  const watched = withFaults(cluster, {
    list: (_call, proceed) => {
      asked.push('list');
      return proceed();
    },
    podGet: async ({ args: [target] }, proceed) => {
      const { pod: name, port } = target as { pod: string; port: number };
      asked.push(`${name}:${port}`);
      const count = counts[name];
      if (count === undefined || (port === 15090 && !envoyPage)) return proceed();
      return `istio_requests_total{reporter="source",destination_service="${host}",response_code="200"} ${count}\n`;
    },
  });
  return proxyCallers(watched, { hosts: [host] }, () => time);
}

function seen({ callers }: CallerSample): Record<string, number> {
  return Object.fromEntries(callers.map(({ caller, calls }) => [caller.pod, calls[0]?.count ?? 0]));
}

async function lookFor(seconds: number, proxies: ReturnType<typeof source>): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    time += 1_000;
    counts.busy = (counts.busy ?? 0) + 5;
    await proxies.read();
  }
}

it('reads every caller at first', async () => {
  expect(seen(await source().read())).toEqual({ busy: 10, silent: 3 });
});

it('lists the pods every few seconds, not at every look', async () => {
  const proxies = source();
  await lookFor(10, proxies);
  expect(asked.filter((it) => it === 'list')).toHaveLength(2);
});

it('asks who has been silent less often, and still counts all that they called', async () => {
  const proxies = source();
  await lookFor(20, proxies);
  asked = [];
  await lookFor(10, proxies);
  expect(asked.filter((it) => it.startsWith('busy'))).toHaveLength(10);
  expect(asked.filter((it) => it.startsWith('silent'))).toHaveLength(2);
  counts.silent = 8;
  await lookFor(5, proxies);
  expect(seen(await proxies.read()).silent).toBe(8);
  asked = [];
  await lookFor(5, proxies);
  expect(asked.filter((it) => it.startsWith('silent'))).toHaveLength(5);
});

it('asks who has never called less often from the beginning', async () => {
  counts.silent = 0;
  const proxies = source();
  await lookFor(5, proxies);
  expect(asked.filter((it) => it.startsWith('busy'))).toHaveLength(5);
  expect(asked.filter((it) => it.startsWith('silent'))).toHaveLength(1);
  counts.silent = 2;
  await lookFor(5, proxies);
  expect(seen(await proxies.read()).silent).toBe(2);
});

it('asks everyone when it is to be thorough', async () => {
  const proxies = source();
  await lookFor(20, proxies);
  counts.silent = 4;
  expect(seen(await proxies.read()).silent).toBe(3);
  expect(seen(await proxies.read({ thorough: true })).silent).toBe(4);
});

it('finds a new caller within seconds, with all it has called since it started', async () => {
  const proxies = source();
  await proxies.read();
  cluster.put(pod('new'));
  counts.new = 7;
  await lookFor(5, proxies);
  expect(seen(await proxies.read()).new).toBe(7);
});

it('takes a caller that is gone for gone, not for one that cannot be read', async () => {
  const proxies = source();
  await proxies.read();
  await cluster.delete({ apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'busy' });
  delete counts.busy;
  time += 1_000;
  const sample = await proxies.read();
  expect(sample.unread).toEqual([]);
  expect(seen(sample)).toEqual({ silent: 3 });
});

it('does not wait for a proxy whose pod is being ended', async () => {
  const proxies = source();
  await proxies.read();
  const busy = pod('busy');
  cluster.put({ ...busy, metadata: { ...busy.metadata, deletionTimestamp: '2026-11-23T07:00:00Z' } });
  delete counts.busy;
  time += 1_000;
  expect((await proxies.read()).unread).toEqual([]);
});

it('names a caller that is there and cannot be read', async () => {
  const proxies = source();
  await proxies.read();
  delete counts.busy;
  time += 1_000;
  expect((await proxies.read()).unread).toMatchObject([{ caller: { pod: 'busy' } }]);
});

it('knows a proxy that was restarted since the pods were listed by counters that shrank', async () => {
  const proxies = source();
  await proxies.read();
  cluster.put(pod('busy', 'second'));
  counts.busy = 2;
  time += 1_000;
  const busy = (await proxies.read()).callers.find(({ caller }) => caller.pod === 'busy');
  expect(busy?.caller.incarnation).toBe('uid-busy/cri://second');
});

it("remembers who has only the agent's page, and tries the smaller one again after a minute", async () => {
  const proxies = source({ envoyPage: false });
  await proxies.read();
  asked = [];
  await lookFor(3, proxies);
  expect(asked).not.toContain('busy:15090');
  time += 60_000;
  await lookFor(1, proxies);
  expect(asked).toContain('busy:15090');
});
