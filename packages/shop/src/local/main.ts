import { once } from 'node:events';
import { ShopOnLoopback } from './shop-on-loopback.ts';

// The whole shop on this machine's loopback, for looking at and working on: `npm run local -w @meshlift/shop`.
// PORT is the frontend's (8080). REDIS_ADDR keeps carts in a Redis instead of in memory. With RATE set, customers shop:
// RATE, CATALOG_RATE, RECOMMENDATION_RATE, CUSTOMERS and JOURNEYS reach the load generator. Ctrl-C closes everything.

const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
const { PORT, REDIS_ADDR, RATE } = process.env;
const say = (line: string) => process.stdout.write(`${line}\n`);

const shop = await ShopOnLoopback.open({
  port: Number(PORT ?? 8080),
  ...(REDIS_ADDR === undefined ? {} : { redis: REDIS_ADDR }),
  onLine: say,
});
try {
  if (RATE !== undefined) await shop.start('loadgenerator');
  say(`\nThe shop is open: ${shop.url('frontend')}/   (Ctrl-C closes it)`);
  if (RATE !== undefined) say(`What its customers met with: ${shop.url('loadgenerator')}/stats`);
  await interrupted;
} finally {
  await shop.close();
}
