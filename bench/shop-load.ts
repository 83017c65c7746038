/**
 * Whether the shop holds 40 page views a second on the lab: how many requests failed, and how long the home page took.
 *
 *   node bench/shop-load.ts [minutes] [page views a second]     5 and 40, if not said
 *
 * Brings up a lab of its own with the shop in both clusters and its catalog on the VM, every program with its sidecar.
 * Counts are the load generator's own: an open loop, whose times run from when a request was due. Build the shop first:
 * `npm run build -w @meshlift/shop`. With KEEP_LAB=1 the lab stays.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Scenario } from '../e2e/scenario.ts';
import { type CustomerStats, ShopCustomers } from '../e2e/shop-customers.ts';

/** Of 50 requests that customers of the usual mind make, 44 show a page; the others add to a cart and the like. */
const requestsPerView = 50 / 44;
const views = ['home', 'product', 'search', 'cart', 'checkout'];

const [minutes = '5', rate = '40'] = process.argv.slice(2);
if (!(Number(minutes) > 0 && Number(rate) > 0)) {
  process.stderr.write('usage: node bench/shop-load.ts [minutes] [page views a second]\n');
  process.exit(64);
}

const scenario = await Scenario.begin('shop-load');
try {
  await scenario.shop();
  const joined = await scenario.meshlift(await scenario.migration(), 'vm', 'join');
  if (joined.exitCode !== 0) throw new Error(`the VM did not join:\n${scenario.log.join('\n')}`);
  await scenario.customersShopping();

  const customers = new ShopCustomers(scenario.stage);
  await customers.become({
    RATE: (Number(rate) * requestsPerView).toFixed(1),
    CATALOG_RATE: '0',
    RECOMMENDATION_RATE: '0',
  });
  const mark = await customers.mark();
  const until = performance.now() + Number(minutes) * 60_000;
  while (performance.now() < until) {
    await delay(Math.min(10_000, until - performance.now()));
    process.stderr.write(`${line(await customers.since(mark))}\n`);
  }
  const stats = await customers.since(mark);
  const home = stats.byRoute.home;
  process.stdout.write(
    [
      `${(stats.seconds / 60).toFixed(1)} minutes at ${viewsOf(stats)} page views a second (${stats.requests.total} requests in all)`,
      `failed                 ${stats.requests.failed} ${JSON.stringify(stats.failuresByKind)}   target 0`,
      `home page, ${home?.total ?? 0} times   p50 ${home?.latency.p50} ms  p99 ${home?.latency.p99} ms  max ${home?.latency.max} ms   target p99 250 ms`,
      '',
    ].join('\n'),
  );
} finally {
  await scenario.end();
}

function line(stats: CustomerStats): string {
  const { requests, byRoute } = stats;
  return `${stats.seconds.toFixed(0)} s: ${requests.total} requests, ${requests.failed} failed, home p99 ${byRoute.home?.latency.p99} ms`;
}

function viewsOf({ byRoute, seconds }: CustomerStats): string {
  const seen = views.reduce((total, route) => total + (byRoute[route]?.total ?? 0), 0);
  return (seen / seconds).toFixed(1);
}
