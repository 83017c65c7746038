import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Browser, openShop } from './browser.ts';
import { Customers } from './customers.ts';
import { DEFAULT_WEIGHTS, pickJourney, readWeights, steps } from './journeys.ts';
import type { Outcome } from './ledger.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function shopThat(
  answers: (request: IncomingMessage, response: ServerResponse) => void,
  timeoutMs = 2000,
) {
  const server = createServer(answers);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return openShop(`127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs });
}

const home = { route: 'home', method: 'GET', path: '/' } as const;
const now = () => performance.now();

describe('a customer’s request', () => {
  it('succeeds with a whole page or a redirect, and says which catalog calls were made for it', async () => {
    const shop = await shopThat((request, response) => {
      response.setHeader('x-catalog-calls', 'cluster2/vm=1');
      response.writeHead(request.method === 'POST' ? 303 : 200).end('page');
    });
    expect(await new Browser(shop).visit(home, now())).toMatchObject({
      route: 'home',
      failure: undefined,
      catalogCalls: 'cluster2/vm=1',
    });
    const post = await new Browser(shop).visit({ ...home, method: 'POST', form: { a: 'b' } }, now());
    expect(post.failure).toBeUndefined();
  });

  it.each([
    ['status-503', (_: IncomingMessage, response: ServerResponse) => response.writeHead(503).end()],
    ['status-404', (_: IncomingMessage, response: ServerResponse) => response.writeHead(404).end()],
    [
      'degraded',
      (_: IncomingMessage, response: ServerResponse) =>
        response.writeHead(200, { 'x-shop-degraded': 'ads' }).end(),
    ],
    ['reset', (request: IncomingMessage) => request.socket.destroy()],
    [
      'reset',
      (request: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '100' }).write('half a page');
        setTimeout(() => request.socket.destroy(), 20);
      },
    ],
    ['timeout', () => {}],
  ] as const)('fails as %s', async (kind, answers) => {
    let requests = 0;
    const shop = await shopThat(
      (request, response) => {
        requests += 1;
        answers(request, response);
      },
      kind === 'timeout' ? 100 : 10_000,
    );
    expect((await new Browser(shop).visit(home, now())).failure).toBe(kind);
    expect(requests).toBe(1);
  });

  it('fails as connect when nothing listens', async () => {
    expect((await new Browser(openShop('127.0.0.1:1', { timeoutMs: 1000 })).visit(home, now())).failure).toBe(
      'connect',
    );
  });

  it('is not sent again when a kept connection turns out to be closed', async () => {
    let requests = 0;
    const shop = await shopThat((request, response) => {
      requests += 1;
      if (requests === 1) response.end('page');
      else request.socket.destroy();
    });
    const browser = new Browser(shop);
    await browser.visit(home, now());
    expect((await browser.visit(home, now())).failure).toBe('reset');
    expect(requests).toBe(2);
  });

  it('is timed from when it was due', async () => {
    const shop = await shopThat((_request, response) => response.end());
    expect((await new Browser(shop).visit(home, now() - 500)).ms).toBeGreaterThanOrEqual(500);
  });

  it('brings back the cookies that it was given', async () => {
    const seen: (string | undefined)[] = [];
    const shop = await shopThat((request, response) => {
      seen.push(request.headers.cookie);
      response.setHeader('set-cookie', ['shop_session-id=s-1; Path=/; HttpOnly']).end();
    });
    const browser = new Browser(shop);
    await browser.visit(home, now());
    await browser.visit(home, now());
    expect(seen).toEqual([undefined, 'shop_session-id=s-1']);
  });
});

describe('a crowd of customers', () => {
  async function crowd(
    count: number,
    timeoutMs: number,
    answers: (request: IncomingMessage, response: ServerResponse) => void,
  ) {
    const outcomes: Outcome[] = [];
    const shop = await shopThat(answers, timeoutMs);
    const customers = new Customers({
      shop,
      count,
      weights: { ...DEFAULT_WEIGHTS },
      onOutcome: (outcome) => outcomes.push(outcome),
    });
    const settled = async () => {
      while (customers.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    return { customers, outcomes, settled };
  }

  it('makes every due request, whichever customer it falls to', async () => {
    const { customers, outcomes, settled } = await crowd(5, 20_000, (_request, response) => response.end());
    for (let request = 0; request < 40; request += 1) customers.requestDue(now());
    await settled();
    expect(outcomes).toHaveLength(40);
    expect(outcomes.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it('counts due requests as failed without being sent when every customer hangs for too long', async () => {
    let requests = 0;
    const { customers, outcomes, settled } = await crowd(2, 1_500, () => {
      requests += 1;
    });
    // The last four are already late when they become due, so they are too late once a customer is free.
    for (const lateBy of [0, 0, 700, 700, 700, 700]) customers.requestDue(now() - lateBy);
    await settled();
    const kinds = outcomes.map(({ failure }) => failure).sort();
    expect(outcomes).toHaveLength(6);
    expect(requests).toBe(2);
    expect(kinds).toEqual(['timeout', 'timeout', 'unsent', 'unsent', 'unsent', 'unsent']);
  });
});

describe('journeys', () => {
  it('are picked by their weights', () => {
    const picked = new Map<string, number>();
    let turn = 0;
    for (let index = 0; index < 1800; index += 1) {
      const journey = pickJourney(DEFAULT_WEIGHTS, () => (turn++ % 1800) / 1800);
      picked.set(journey, (picked.get(journey) ?? 0) + 1);
    }
    expect(Object.fromEntries(picked)).toEqual({
      browse: 300,
      product: 1000,
      search: 100,
      currency: 100,
      cart: 200,
      checkout: 100,
    });
  });

  it('end where they should', () => {
    const last = (journey: Parameters<typeof steps>[0]) => steps(journey, () => 0, 2027).at(-1)?.route;
    expect(last('checkout')).toBe('checkout');
    expect(last('cart')).toBe('empty-cart');
    expect(last('browse')).toBe('home');
  });

  it('get their weights from text, and refuse what is not one', () => {
    expect(readWeights('browse=3, checkout=1')).toMatchObject({ browse: 3, checkout: 1, product: 0 });
    expect(() => readWeights('stroll=1')).toThrow('"stroll=1" is not a journey’s weight'.replace('’', "'"));
    expect(() => readWeights('browse')).toThrow('"browse"');
    expect(() => readWeights('browse=0')).toThrow('no journey has any weight');
  });
});
