import type { Log } from '../process/log.ts';
import { type Answer, type CallContext, connect } from '../rpc/client.ts';
import { RpcError } from '../rpc/rpc-error.ts';
import { type Product, ProductCatalogService } from '../wire/generated/hipstershop/shop_pb.js';
import { type ServedBy, servedAt, servedBy } from './served-by.ts';
import type { CatalogCalls, CatalogTally } from './tally.ts';

/** What a catalog call is made for, where it is counted, and who is told which copy answered. */
export interface CatalogContext extends CallContext {
  readonly tally: CatalogTally;
  readonly onServedBy?: ((copy: ServedBy) => void) | undefined;
}

/** The product catalog, as its callers see it: every call is counted by the side that answered it. */
export interface CatalogCaller {
  list(context: CatalogContext): Promise<readonly Product[]>;
  get(id: string, context: CatalogContext): Promise<Product>;
  search(query: string, context: CatalogContext): Promise<readonly Product[]>;
  close(): void;
}

export interface CatalogCallerOptions {
  readonly address: string;
  /** The cluster that this caller runs in. */
  readonly cluster: string;
  readonly log: Log;
  readonly timeoutMs?: number;
}

export function catalogCaller(options: CatalogCallerOptions): CatalogCaller {
  const client = connect(ProductCatalogService, options);
  const counted = async <T>(call: Promise<Answer<T>>, context: CatalogContext): Promise<T> => {
    try {
      const { message, headers } = await call;
      const copy = servedBy(headers);
      context.tally.add({ cluster: options.cluster, outcome: copy.side, last: servedAt(headers) });
      context.onServedBy?.(copy);
      return message;
    } catch (error) {
      context.tally.add({ cluster: options.cluster, ...outcomeOf(error) });
      throw error;
    }
  };
  return {
    list: async (context) => (await counted(client.listProducts({}, context), context)).products,
    get: (id, context) => counted(client.getProduct({ id }, context), context),
    search: async (query, context) =>
      (await counted(client.searchProducts({ query }, context), context)).results,
    close: () => client.close(),
  };
}

/** An answer such as NOT_FOUND is an answer: its side counts. */
function outcomeOf(error: unknown): Pick<CatalogCalls, 'outcome' | 'last'> {
  const isAnswer =
    error instanceof RpcError && (error.codeName === 'NOT_FOUND' || error.codeName === 'INVALID_ARGUMENT');
  return isAnswer
    ? { outcome: servedBy(error.headers).side, last: servedAt(error.headers) }
    : { outcome: 'failed' };
}
