import type { Log } from '../process/log.ts';
import { run } from '../process/program.ts';
import { Browser, openShop, type Shop } from './browser.ts';
import { createControlServer } from './control-server.ts';
import { Customers } from './customers.ts';
import { type DirectCaller, directCatalogCaller, directRecommendationCaller } from './direct-callers.ts';
import { DEFAULT_WEIGHTS, readWeights } from './journeys.ts';
import { Ledger } from './ledger.ts';
import { pace } from './pacer.ts';

const LOOK_AGAIN_MS = 500;

run('loadgenerator', async ({ env, log }) => {
  const timeoutMs = env.durationMs('TIMEOUT', 10_000);
  const shop = openShop(env.address('FRONTEND_ADDR'), { timeoutMs });
  const cluster = env.text('CLUSTER', 'unknown');
  const rate = env.number('RATE', 10, { max: 10_000 });
  const catalogRate = env.number('CATALOG_RATE', 0, { max: 10_000 });
  const recommendationRate = env.number('RECOMMENDATION_RATE', 0, { max: 10_000 });
  const weights = env.optional('JOURNEYS');
  const ledger = new Ledger();
  const customers = new Customers({
    shop,
    count: env.number('CUSTOMERS', 50, { min: 1, max: 10_000 }),
    weights: weights === undefined ? DEFAULT_WEIGHTS : readWeights(weights),
    onOutcome: (outcome) => ledger.enter(outcome),
  });
  const direct = (caller: DirectCaller) => (at: number) =>
    void caller(at).then(
      (outcome) => ledger.enter(outcome),
      (error: unknown) => log.error('a direct call failed unexpectedly', { error: String(error) }),
    );
  const startTraffic = (): { stop(): void }[] => {
    const paced = [pace(rate, (at) => customers.requestDue(at))];
    if (catalogRate > 0) {
      const address = env.address('PRODUCT_CATALOG_SERVICE_ADDR');
      paced.push(pace(catalogRate, direct(directCatalogCaller({ address, cluster, log, timeoutMs: 5000 }))));
    }
    if (recommendationRate > 0) {
      const address = env.address('RECOMMENDATION_SERVICE_ADDR');
      paced.push(
        pace(
          recommendationRate,
          direct(directRecommendationCaller({ address, cluster, log, timeoutMs: 5000 })),
        ),
      );
    }
    return paced;
  };

  const control = createControlServer(ledger);
  await new Promise<void>((resolve, reject) => {
    control.once('error', reject);
    control.listen(env.port('PORT', 8089), env.text('LISTEN_ADDR', '0.0.0.0'), resolve);
  });
  const stopped = new AbortController();
  let traffic: { stop(): void }[] = [];
  const started = waitForShop(shop, log, stopped.signal).then((open) => {
    if (!open) return;
    ledger.start();
    traffic = startTraffic();
    log.info('customers are shopping', { rate, catalogRate, recommendationRate });
  });
  return {
    async stop() {
      stopped.abort();
      await started;
      for (const paced of traffic) paced.stop();
      shop.agent.destroy();
      control.close();
      control.closeAllConnections();
      const stats = ledger.stats();
      log.info('customers have left', { requests: stats?.requests, failuresByKind: stats?.failuresByKind });
    },
  };
});

/** Looks at the home page until it is whole; answers false when told to stop first. Nothing is counted meanwhile. */
async function waitForShop(shop: Shop, log: Log, signal: AbortSignal): Promise<boolean> {
  let reason = '';
  while (!signal.aborted) {
    const { failure } = await new Browser(shop).visit(
      { route: 'home', method: 'GET', path: '/' },
      performance.now(),
    );
    if (failure === undefined) return true;
    if (failure !== reason) log.info('the shop is not open yet', { home: failure });
    reason = failure;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, LOOK_AGAIN_MS);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
  return false;
}
