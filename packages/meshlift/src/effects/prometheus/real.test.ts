import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { standInPrometheus } from '../../metrics/testdata/stand-in-prometheus.ts';
import { FakeCluster } from '../kube/fake.ts';
import { openPrometheus, prometheusService } from './real.ts';

let prometheus: Awaited<ReturnType<typeof standInPrometheus>>;
let folder: string;

beforeEach(async () => {
  prometheus = await standInPrometheus();
  prometheus.scrape([{ namespace: 'default', pod: 'a', page: 'jobs 5\n' }]);
  folder = await mkdtemp(join(tmpdir(), 'meshlift-prometheus-'));
});
afterEach(async () => {
  prometheus.close();
  await rm(folder, { recursive: true });
});

it('sends the token of its file, as it is now, and tells it nobody', async () => {
  const bearerTokenFile = join(folder, 'token');
  const server = openPrometheus({ url: `${prometheus.url}/under/a/path/`, bearerTokenFile });
  await writeFile(bearerTokenFile, 'first\n');
  expect(await server.query('{__name__="jobs"}')).toMatchObject([{ labels: { pod: 'a' }, value: 5 }]);
  await writeFile(bearerTokenFile, 'second\n');
  const failure = await server.query('nonsense').catch((error: Error) => error);
  expect(prometheus.asked.map((it) => it.authorization)).toEqual(['Bearer first', 'Bearer second']);
  expect(JSON.stringify(failure) + String(failure)).not.toContain('second');
  expect(String(failure)).toContain('parse error');
});

it('names the file that it needs and can not read', async () => {
  const server = openPrometheus({ url: prometheus.url, bearerTokenFile: join(folder, 'none') });
  await expect(server.query('up')).rejects.toMatchObject({ code: 'metrics-unavailable', why: /none/ });
});

it('keeps a password in the address out of messages', () => {
  expect(openPrometheus({ url: 'https://me:secret@prometheus.example.org/x' }).where).toBe(
    'https://prometheus.example.org/x',
  );
});

it('says so when what answers is not Prometheus', async () => {
  const cluster = new FakeCluster('cluster1');
  const service = { namespace: 'istio-system', service: 'prometheus', port: 9090 };
  cluster.serve(
    { namespace: 'istio-system', pod: 'prometheus', port: 9090 },
    '/api/v1/query?query=up',
    '<html>',
  );
  await expect(prometheusService(cluster, service).query('up')).rejects.toThrow(/not Prometheus'/);
});

it('reaches a Service through the API server of its cluster', async () => {
  const cluster = new FakeCluster('cluster1');
  const service = { namespace: 'istio-system', service: 'prometheus', port: 9090 };
  const at = { namespace: 'istio-system', pod: 'prometheus', port: 9090 };
  cluster.serve(at, `/api/v1/query?${new URLSearchParams({ query: '{__name__="jobs"}' })}`, () =>
    prometheus.answer('{__name__="jobs"}'),
  );
  expect(await prometheusService(cluster, service).query('{__name__="jobs"}')).toMatchObject([{ value: 5 }]);
});
