import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import { openPrometheus } from '../effects/prometheus/real.ts';
import type { CallerSample } from './call-series.ts';
import { prometheusCallers } from './prometheus-callers.ts';
import { readCallers } from './read-callers.ts';
import { standInPrometheus } from './testdata/stand-in-prometheus.ts';

const hosts = ['catalog-vm.default.side', 'catalog-gke.default.side'];
const wanted = { hosts, port: 3550 };

/** What a proxy of each dialect shows: several outcomes, both sides, other services, its view as a callee. */
function page(requests: number): string {
  const istio = (host: string, workload: string, status: number, flags = '-') =>
    `reporter="source",source_workload="frontend",destination_service="${host}",destination_workload="${workload}",destination_workload_namespace="default",response_code="200",grpc_response_status="${status}",response_flags="${flags}"`;
  const lab = (side: string, address: string) =>
    `reporter="source",source_workload="frontend",destination_service="catalog-${side}.default.side",upstream_cluster="outbound|3550||catalog-${side}.default.side",upstream_host="${address}:3550",destination_workload="catalog;default;catalog;latest;c2",response_code="200",grpc_response_status="0",response_flags="-"`;
  const labels = [
    istio(hosts[0] ?? '', 'catalog-vm', 0),
    istio(hosts[0] ?? '', 'unknown', 14, 'UF,URX'),
    istio(hosts[1] ?? '', 'catalog', 0),
    istio('cart.default.svc.cluster.local', 'cart', 0),
    istio(hosts[1] ?? '', 'catalog', 0).replace('source', 'destination'),
  ];
  const histogram = (family: string, of: string, count: number) => [
    ...[1, 10, 50].map((le, i) => `${family}_bucket{${of},le="${le}"} ${Math.floor((count * (i + 1)) / 4)}`),
    `${family}_bucket{${of},le="+Inf"} ${count}`,
    `${family}_sum{${of}} ${count * 7}`,
    `${family}_count{${of}} ${count}`,
  ];
  return [
    '# TYPE istio_requests_total counter',
    ...labels.map((of, i) => `istio_requests_total{${of}} ${requests + i}`),
    `envoy_istiocustom_istio_requests_total{${lab('gke', '10.21.0.5')}} ${requests}`,
    ...labels.flatMap((of, i) => histogram('istio_request_duration_milliseconds', of, requests + i)),
    ...histogram('envoy_istiocustom_istio_request_duration_milliseconds', lab('vm', '10.1.1.1'), requests),
    '',
  ].join('\n');
}

function pod(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: name },
    status: { phase: 'Running', containerStatuses: [{ name: 'istio-proxy', containerID: name }] },
  };
}

/** What the proxies themselves tell. */
async function fromProxies(pages: Readonly<Record<string, string>>): Promise<CallerSample> {
  const cluster = new FakeCluster('cluster1', Object.keys(pages).map(pod));
  for (const [name, text] of Object.entries(pages))
    cluster.serve({ namespace: 'default', pod: name, port: 15020 }, '/stats/prometheus', text);
  return readCallers(cluster, wanted);
}

/** By pod, and without what only the API server knows (owners, containers) or that depends on an order. */
function counters({ callers }: CallerSample) {
  const sorted = <T>(all: readonly T[]) =>
    all.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return Object.fromEntries(
    callers.map(({ caller, calls, latency }) => [
      `${caller.cluster}/${caller.namespace}/${caller.pod}`,
      { calls: sorted(calls), latency: sorted(latency) },
    ]),
  );
}

describe('callers as Prometheus scraped them', () => {
  let prometheus: Awaited<ReturnType<typeof standInPrometheus>>;

  beforeEach(async () => {
    prometheus = await standInPrometheus();
  });
  afterEach(() => void prometheus.close());

  const source = (options = {}) =>
    prometheusCallers(openPrometheus({ url: prometheus.url }), {
      ...wanted,
      cluster: 'cluster1',
      ...options,
    });
  const target = (name: string, text: string | null) => ({ namespace: 'default', pod: name, page: text });

  it('counted what the proxies themselves tell', async () => {
    prometheus.scrape([target('a', page(100)), target('b', page(7))]);
    const sample = await source().read();
    expect(counters(sample)).toEqual(counters(await fromProxies({ a: page(100), b: page(7) })));
    expect(counters(sample)['cluster1/default/a']?.calls.length).toBeGreaterThan(3);
    expect(sample.callers[0]?.caller.workload).toBe('frontend');
  });

  it('are unread while their scrape fails, and gone when they are no targets any more', async () => {
    const callers = source();
    prometheus.scrape([target('a', page(100)), target('b', page(7))]);
    await callers.read();
    prometheus.scrape([target('a', page(110)), target('b', null)]);
    const failing = await callers.read();
    expect(Object.keys(counters(failing))).toEqual(['cluster1/default/a']);
    expect(failing.unread).toMatchObject([{ caller: { pod: 'b' } }]);
    prometheus.scrape([target('a', page(110))]);
    expect((await callers.read()).unread).toEqual([]);
  });

  it('are unread when nothing was scraped for a while, though the server still answers', async () => {
    prometheus.scrape([target('a', page(100))]);
    prometheus.setNow(() => Date.now() / 1_000 + 120);
    const sample = await source().read();
    expect(sample.callers).toEqual([]);
    expect(sample.unread[0]?.why).toMatch(/has scraped nothing for 1[12]\d s/);
  });

  it("are told apart by a label where the server has several clusters' metrics", async () => {
    const of = (cluster: string) =>
      page(5).replaceAll('reporter="source"', `reporter="source",source_cluster="${cluster}"`);
    prometheus.scrape([target('a', of('cluster1')), target('z', of('cluster2'))]);
    const sample = await source({ clusterLabel: 'source_cluster' }).read();
    expect(Object.keys(counters(sample))).toEqual(['cluster1/default/a']);
  });

  it('are not zero when the server is away', async () => {
    prometheus.close();
    const read = prometheusCallers(openPrometheus({ url: 'http://127.0.0.1:9' }), {
      ...wanted,
      cluster: 'c',
    }).read();
    await expect(read).rejects.toMatchObject({ code: 'metrics-unavailable' });
  });
});

/** The same against a real server, where there is one: MESHLIFT_PROMETHEUS=/usr/bin/prometheus. */
describe.skipIf(!process.env.MESHLIFT_PROMETHEUS)('callers as a real Prometheus scraped them', () => {
  it('counted what the proxies themselves tell', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshlift-prometheus-'));
    const targets = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(page(100));
    });
    await new Promise<void>((resolve) => targets.listen(0, '127.0.0.1', resolve));
    const port = (await freePort()) ?? 0;
    await writeFile(
      join(folder, 'prometheus.yml'),
      JSON.stringify({
        global: { scrape_interval: '1s' },
        scrape_configs: [
          {
            job_name: 'pods',
            metrics_path: '/stats/prometheus',
            static_configs: [
              {
                targets: [`127.0.0.1:${(targets.address() as AddressInfo).port}`],
                labels: { namespace: 'default', pod: 'a' },
              },
            ],
          },
        ],
      }),
    );
    const server = spawn(
      process.env.MESHLIFT_PROMETHEUS ?? '',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    try {
      const callers = prometheusCallers(openPrometheus({ url: `http://127.0.0.1:${port}` }), {
        ...wanted,
        cluster: 'cluster1',
      });
      const deadline = Date.now() + 25_000;
      let sample: CallerSample | null = null;
      while (!sample?.callers.length && Date.now() < deadline) {
        sample = await callers.read().catch(() => null);
        await delay(200);
      }
      expect(counters(sample as CallerSample)).toEqual(counters(await fromProxies({ a: page(100) })));
    } finally {
      server.kill();
      targets.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 40_000);
});

async function freePort(): Promise<number | null> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
