import { catalogCaller } from '../catalog-calls/catalog-caller.ts';
import { CATALOG_CALLS_HEADER, CatalogTally } from '../catalog-calls/tally.ts';
import type { Log } from '../process/log.ts';
import { connect } from '../rpc/client.ts';
import { RpcError } from '../rpc/rpc-error.ts';
import { RecommendationService } from '../wire/generated/hipstershop/shop_pb.js';
import type { FailureKind, Outcome } from './ledger.ts';

/** One gRPC call, made when it is due. Resolves with what became of it and never rejects. */
export type DirectCaller = (dueAt: number) => Promise<Outcome>;

interface DirectCallerOptions {
  readonly address: string;
  readonly cluster: string;
  readonly log: Log;
  readonly timeoutMs: number;
}

/** Seconds of the highest rate: a machine that stalls for a moment makes calls late, which their latency tells. */
const MOST_PENDING = 2_000;

/** As customers do who have seen the home page and look at one product after the other. */
const CALLS_A_LIST = 10;

/** Calls the catalog itself, getting a product each time and now and then listing all: load on the catalog without pages. */
export function directCatalogCaller(options: DirectCallerOptions): DirectCaller {
  const catalog = catalogCaller(options);
  let known: readonly string[] = [];
  let turn = 0;
  return limited('catalog-direct', async (context) => {
    turn += 1;
    const id = known[turn % Math.max(known.length, 1)];
    if (turn % CALLS_A_LIST !== 0 && id !== undefined) await catalog.get(id, context);
    else known = (await catalog.list(context)).map((product) => product.id);
  });
}

/** Calls the recommendation service, which calls the catalog from its own cluster. */
export function directRecommendationCaller(options: DirectCallerOptions): DirectCaller {
  const recommendations = connect(RecommendationService, options);
  return limited('recommendation-direct', async ({ tally }) => {
    try {
      const { headers } = await recommendations.listRecommendations({
        userId: 'loadgenerator',
        productIds: [],
      });
      tally.merge(headers.get(CATALOG_CALLS_HEADER));
    } catch (error) {
      if (error instanceof RpcError) tally.merge(error.headers.get(CATALOG_CALLS_HEADER));
      throw error;
    }
  });
}

function limited(route: string, call: (context: { tally: CatalogTally }) => Promise<void>): DirectCaller {
  let pending = 0;
  return async (dueAt) => {
    const tally = new CatalogTally();
    const outcome = (failure?: FailureKind): Outcome => ({
      route,
      ms: performance.now() - dueAt,
      failure,
      catalogCalls: tally.toString(),
    });
    if (pending >= MOST_PENDING) return outcome('unsent');
    pending += 1;
    try {
      await call({ tally });
      return outcome();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return outcome(error.codeName === 'DEADLINE_EXCEEDED' ? 'timeout' : `status-${error.codeName}`);
    } finally {
      pending -= 1;
    }
  };
}
