import { catalogCaller } from '../catalog-calls/catalog-caller.ts';
import { CATALOG_CALLS_HEADER, CatalogTally } from '../catalog-calls/tally.ts';
import { listenAddress, run } from '../process/program.ts';
import { serve } from '../rpc/server.ts';
import { RecommendationService } from '../wire/generated/hipstershop/shop_pb.js';
import { recommend } from './recommend.ts';

const RECOMMENDATIONS = 4;

run('recommendationservice', async ({ env, log }) => {
  const catalog = catalogCaller({
    address: env.address('PRODUCT_CATALOG_SERVICE_ADDR'),
    cluster: env.text('CLUSTER', 'unknown'),
    log,
  });
  const server = await serve(
    RecommendationService,
    {
      async listRecommendations({ userId, productIds }, call) {
        const tally = new CatalogTally();
        try {
          const products = await catalog.list({ ...call, tally });
          const ids = products.map((product) => product.id);
          return { productIds: recommend(ids, { userId, productIds, count: RECOMMENDATIONS }) };
        } finally {
          call.answerWith(CATALOG_CALLS_HEADER, tally.toString());
        }
      },
    },
    { address: listenAddress(env, 8080), log },
  );
  return {
    async stop(graceMs) {
      await server.stop(graceMs);
      catalog.close();
    },
  };
});
