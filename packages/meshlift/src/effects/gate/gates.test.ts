import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrometheusRow } from '../prometheus/port.ts';
import { commandGate } from './command.ts';
import type { GateSituation } from './port.ts';
import { prometheusGate } from './prometheus.ts';
import { webhookGate } from './webhook.ts';

const situation: GateSituation = {
  migration: 'productcatalog',
  namespace: 'default',
  service: 'productcatalogservice',
  generation: 7,
  split: { vm: 80, k8s: 20 },
  own: { verdict: 'pass', because: '0 % of 500 requests failed' },
};
const { signal } = new AbortController();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshlift-gates-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a command', () => {
  const ask = (script: string, timeout = 20_000) =>
    commandGate('orders', { argv: ['sh', '-c', script], timeout }).ask(situation, signal);

  it.each([
    [0, 'pass'],
    [1, 'fail'],
    [75, 'inconclusive'],
    [2, 'error'],
  ] as const)('that ends with %i says %s, with its first line as the reason', async (code, verdict) => {
    const { because, ...it } = await ask(`echo 'the orders of today'; echo more; exit ${code}`);
    expect(it).toEqual({ gate: 'orders', verdict });
    expect(because).toContain('the orders of today');
    expect(because).not.toContain('more');
  });

  it('is told the situation in its environment', async () => {
    const told = join(folder, 'told');
    await ask(`echo "$MESHLIFT_MIGRATION $MESHLIFT_SPLIT_K8S $MESHLIFT_SITUATION" > ${told}`);
    const [migration, k8s, ...json] = (await readFile(told, 'utf8')).trim().split(' ');
    expect([migration, k8s]).toEqual(['productcatalog', '20']);
    expect(JSON.parse(json.join(' '))).toEqual(situation);
  });

  it('is not read by a shell', async () => {
    const gate = commandGate('literal', { argv: ['echo', '$HOME; exit 1'], timeout: 20_000 });
    expect(await gate.ask(situation, signal)).toMatchObject({ verdict: 'pass', because: '$HOME; exit 1' });
  });

  it('that does not end in time is an error, and is killed with what it started', async () => {
    const sign = join(folder, 'sign');
    const { verdict, because } = await ask(`(sleep 1.5; echo alive > ${sign}) & sleep 30`, 300);
    expect(verdict).toBe('error');
    expect(because).toBe('it did not end within 300 ms, and was killed');
    await delay(1_700);
    await expect(readFile(sign)).rejects.toThrow(/ENOENT/);
  });

  it('that is not there is an error', async () => {
    const gate = commandGate('none', { argv: ['/no/such/program'], timeout: 1_000 });
    expect(await gate.ask(situation, signal)).toMatchObject({ verdict: 'error', because: /ENOENT/ });
  });

  it('ends when the engine does', async () => {
    const engine = new AbortController();
    const asked = commandGate('long', { argv: ['sleep', '30'], timeout: 60_000 }).ask(
      situation,
      engine.signal,
    );
    engine.abort();
    expect(await asked).toMatchObject({ verdict: 'error', because: 'the engine stopped' });
  });
});

describe('a webhook', () => {
  let url: string;
  let status = 200;
  let body = '';
  let hold = 0;
  const asked: { request: IncomingMessage; body: string }[] = [];
  const server = createServer(async (request, response) => {
    asked.push({ request, body: await text(request) });
    await delay(hold);
    response.writeHead(status, status === 302 ? { location: url } : {}).end(body);
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/gate`;
  });
  afterAll(() => server.close());

  async function ask(answer: { status?: number; body?: string; hold?: number }, timeout = 10_000) {
    ({ status = 200, body = '', hold = 0 } = answer);
    return webhookGate('orders', { url, timeout, headersFrom: [] }).ask(situation, signal);
  }

  it.each([
    [{ status: 200 }, 'pass'],
    [{ status: 204 }, 'pass'],
    [{ status: 409, body: 'too few orders' }, 'fail'],
    [{ status: 200, body: '{"verdict":"fail","message":"no"}' }, 'fail'],
    [{ status: 200, body: '{"verdict":"inconclusive"}' }, 'inconclusive'],
    [{ status: 200, body: '{"verdict":"maybe"}' }, 'error'],
    [{ status: 503, body: 'try later' }, 'error'],
    [{ status: 302 }, 'error'],
  ])('that answers %j says %s', async (answer, verdict) => {
    expect((await ask(answer)).verdict).toBe(verdict);
  });

  it('may give its reason, in a body of JSON or not', async () => {
    expect((await ask({ body: '{"message":"512 orders"}' })).because).toBe('512 orders');
    expect((await ask({ status: 409, body: 'too few orders' })).because).toBe(
      'it answered 409: too few orders',
    );
  });

  it('is told the situation, with headers from files', async () => {
    const file = join(folder, 'header');
    await writeFile(file, 'Bearer abc\n');
    const headersFrom = [{ name: 'Authorization', file }];
    ({ status, body, hold } = { status: 200, body: '', hold: 0 });
    await webhookGate('orders', { url, timeout: 10_000, headersFrom }).ask(situation, signal);
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toEqual(situation);
    expect(asked.at(-1)?.request.headers.authorization).toBe('Bearer abc');
  });

  it('that does not answer in time, or at all, is an error', async () => {
    expect(await ask({ hold: 500 }, 100)).toMatchObject({
      verdict: 'error',
      because: 'no answer within 100 ms',
    });
    const gate = webhookGate('gone', { url: 'http://127.0.0.1:9', timeout: 5_000, headersFrom: [] });
    expect(await gate.ask(situation, signal)).toMatchObject({ verdict: 'error' });
  });
});

describe('an expression of PromQL', () => {
  const ask = (values: readonly number[], limits: { min?: number; max?: number }) => {
    const rows: readonly PrometheusRow[] = values.map((value) => ({ labels: {}, value }));
    const server = { where: 'here', query: async () => rows };
    return prometheusGate('orders', { query: 'orders', ...limits }, server).ask(situation, signal);
  };

  it('passes when all of its values lie within the limits', async () => {
    expect(await ask([5, 7], { min: 5, max: 7 })).toMatchObject({ verdict: 'pass' });
  });

  it('fails with the value and the limits when one does not', async () => {
    expect(await ask([5, 8], { min: 5, max: 7 })).toEqual({
      gate: 'orders',
      verdict: 'fail',
      because: 'it is 8; at least 5 and at most 7 is wanted',
    });
  });

  it('says nothing when it results in nothing, or in no number', async () => {
    expect((await ask([], { min: 5 })).verdict).toBe('inconclusive');
    expect((await ask([Number.NaN], { min: 5 })).verdict).toBe('inconclusive');
  });
});
