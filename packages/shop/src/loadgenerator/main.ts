import { run } from '../process/program.ts';
import { Browser, openShop } from './browser.ts';
import { createControlServer } from './control-server.ts';
import { Customers } from './customers.ts';
import { directCatalogCaller, directRecommendationCaller } from './direct-callers.ts';
import { DEFAULT_WEIGHTS, pagesOf, readWeights } from './journeys.ts';
import { Ledger } from './ledger.ts';
import { type Look, untilOpen } from './opening.ts';
import { type Flow, Traffic } from './traffic.ts';

const DIRECT_TIMEOUT_MS = 5000;

run('loadgenerator', async ({ env, log }) => {
  const timeoutMs = env.durationMs('TIMEOUT', 10_000);
  const shop = openShop(env.address('FRONTEND_ADDR'), { timeoutMs });
  const cluster = env.text('CLUSTER', 'unknown');
  const rate = env.number('RATE', 10, { max: 10_000 });
  const catalogRate = env.number('CATALOG_RATE', 0, { max: 10_000 });
  const recommendationRate = env.number('RECOMMENDATION_RATE', 0, { max: 10_000 });
  const journeys = env.optional('JOURNEYS');
  const weights = journeys === undefined ? DEFAULT_WEIGHTS : readWeights(journeys);
  const ledger = new Ledger();
  const customers = new Customers({
    shop,
    count: env.number('CUSTOMERS', 50, { min: 1, max: 10_000 }),
    weights,
    onOutcome: (outcome) => ledger.enter(outcome),
  });
  const looks: Look[] = pagesOf(weights).map(
    (page) => () => new Browser(shop).visit(page, performance.now()),
  );
  const direct = (makeCaller: typeof directCatalogCaller, address: string, perSecond: number): Flow[] => {
    if (perSecond === 0) return [];
    const caller = makeCaller({ address: env.address(address), cluster, log, timeoutMs: DIRECT_TIMEOUT_MS });
    looks.push(() => caller(performance.now()));
    const call = async (at: number): Promise<void> => {
      ledger.due();
      ledger.enter(await caller(at));
    };
    return [{ perSecond, due: (at) => void call(at) }];
  };
  const pages: Flow = {
    perSecond: rate,
    due: (at) => {
      ledger.due();
      customers.requestDue(at);
    },
  };
  const traffic = new Traffic([
    pages,
    ...direct(directCatalogCaller, 'PRODUCT_CATALOG_SERVICE_ADDR', catalogRate),
    ...direct(directRecommendationCaller, 'RECOMMENDATION_SERVICE_ADDR', recommendationRate),
  ]);

  const control = createControlServer(ledger, traffic);
  await new Promise<void>((resolve, reject) => {
    control.once('error', reject);
    control.listen(env.port('PORT', 8089), env.text('LISTEN_ADDR', '0.0.0.0'), resolve);
  });
  const stopped = new AbortController();
  const started = untilOpen(looks, log, stopped.signal).then((open) => {
    if (!open) return;
    ledger.start();
    traffic.resume();
    log.info('customers are shopping', { rate, catalogRate, recommendationRate });
  });
  return {
    async stop() {
      stopped.abort();
      await started;
      traffic.pause();
      shop.agent.destroy();
      control.close();
      control.closeAllConnections();
      const stats = ledger.stats();
      log.info('customers have left', { requests: stats?.requests, failuresByKind: stats?.failuresByKind });
    },
  };
});
