import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stats } from '../loadgenerator/ledger.ts';
import { ShopOnLoopback } from '../local/shop-on-loopback.ts';

const LOAD_SECONDS = 30;
const PAGES_PER_SECOND = 40;

let shop: ShopOnLoopback;

beforeAll(async () => {
  shop = await ShopOnLoopback.open();
  // Started alone, because ten at once on two cores would measure each other.
  for (const program of shop.programs) {
    await shop.stop(program);
    await shop.start(program);
  }
});

afterAll(() => shop.close());

describe('the shop', () => {
  it('starts each program within 1.5 s', () => {
    for (const program of shop.programs) expect(shop.startedInMs(program), program).toBeLessThan(1500);
  });

  it(`serves ${PAGES_PER_SECOND} pages a second without a failure, home within 250 ms for 99 of 100`, async () => {
    await shop.start('loadgenerator', {
      RATE: String(PAGES_PER_SECOND),
      CATALOG_RATE: '60',
      RECOMMENDATION_RATE: '30',
    });
    const stats = await statsAfter(LOAD_SECONDS);
    expect(stats.requests.failed, JSON.stringify(stats.failuresByKind)).toBe(0);
    expect(stats.requests.total + stats.pending).toBeGreaterThan(LOAD_SECONDS * (PAGES_PER_SECOND + 85));
    expect(stats.latency.p99).toBeLessThan(250);
    expect(stats.catalogCalls.failed).toBe(0);
  });

  it('keeps each program within 90 MB of memory', () => {
    const sizes = shop.programs.map((program) => [program, Math.round(shop.residentMb(program))] as const);
    process.stdout.write(`resident MB: ${sizes.map((size) => size.join(' ')).join(', ')}\n`);
    for (const [program, size] of sizes) expect(size, program).toBeLessThanOrEqual(90);
  });
});

async function statsAfter(seconds: number): Promise<Stats> {
  for (;;) {
    const stats = (await (await fetch(`${shop.url('loadgenerator')}/stats`)).json()) as Stats;
    if (stats.seconds >= seconds) return stats;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
