import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stats } from '../loadgenerator/ledger.ts';
import { type Program, ShopOnLoopback } from '../local/shop-on-loopback.ts';

const HEALED_WITHIN_MS = 20_000;

let shop: ShopOnLoopback;

beforeAll(async () => {
  shop = await ShopOnLoopback.open();
  await shop.start('loadgenerator', { RATE: '12', CATALOG_RATE: '0' });
});

afterAll(() => shop.close());

async function stats(since: string): Promise<Stats> {
  return (await (await fetch(`${shop.url('loadgenerator')}/stats?since=${since}`)).json()) as Stats;
}

async function mark(): Promise<string> {
  const answer = await fetch(`${shop.url('loadgenerator')}/marks`, { method: 'POST' });
  return ((await answer.json()) as { id: string }).id;
}

async function until(holds: (now: Stats) => boolean, since: string, seconds: number): Promise<Stats> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const now = await stats(since);
    if (holds(now)) return now;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Routes on which requests failed, in order. */
function failing({ byRoute }: Stats): string[] {
  return Object.entries(byRoute)
    .filter(([, { failed }]) => failed > 0)
    .map(([route]) => route)
    .sort();
}

/** What may fail while a program is dead; a page that lacks a part counts as failed, as `degraded`. */
const MAY_FAIL: Readonly<Record<Exclude<Program, 'frontend' | 'loadgenerator'>, readonly string[]>> = {
  productcatalogservice: ['home', 'product', 'search', 'cart', 'add-to-cart', 'checkout'],
  // Only through the parts of a page: notes instead of recommendations, and so on.
  recommendationservice: ['product', 'cart', 'checkout'],
  cartservice: ['home', 'product', 'search', 'cart', 'add-to-cart', 'empty-cart', 'checkout'],
  currencyservice: ['home', 'product', 'search', 'cart', 'checkout', 'currency'],
  shippingservice: ['cart', 'checkout'],
  checkoutservice: ['checkout'],
  paymentservice: ['checkout'],
  // An order goes through without its mail.
  emailservice: [],
  adservice: ['home', 'product'],
};

describe('a program killed under load', () => {
  it.each(Object.entries(MAY_FAIL))(
    '%s: only what needs it fails, and it heals by itself',
    async (name, mayFail) => {
      const program = name as Program;
      const killed = await mark();
      await shop.stop(program, 'SIGKILL');
      try {
        const without = await until(({ requests }) => requests.total >= 60, killed, 30);
        const unexpected = failing(without).filter((route) => !mayFail.includes(route));
        expect(unexpected, JSON.stringify(without.failuresByKind)).toEqual([]);
      } finally {
        await shop.start(program);
      }
      // Connections are re-made within a second or so, and requests from before have to run out: then nothing fails.
      const deadline = Date.now() + HEALED_WITHIN_MS;
      for (;;) {
        const window = await until(({ requests }) => requests.total >= 30, await mark(), 30);
        if (window.requests.failed === 0) break;
        if (Date.now() > deadline) throw new Error(`still failing: ${JSON.stringify(window)}`);
      }
    },
  );
});

describe('a program stopped in good order', () => {
  it('finishes its calls: the frontend loses no request that it took', async () => {
    const before = await mark();
    await shop.stop('frontend', 'SIGTERM');
    const { failuresByKind } = await stats(before);
    await shop.start('frontend');
    // Without a balancer in front nobody takes new requests meanwhile: those are refused, none is cut off.
    expect(Object.keys(failuresByKind).filter((kind) => kind !== 'connect')).toEqual([]);
  });
});
