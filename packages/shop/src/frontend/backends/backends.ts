import { type CatalogCaller, catalogCaller } from '../../catalog-calls/catalog-caller.ts';
import type { Environment } from '../../process/environment.ts';
import type { Log } from '../../process/log.ts';
import { connect, type RpcClient } from '../../rpc/client.ts';
import {
  AdService,
  CartService,
  CheckoutService,
  CurrencyService,
  RecommendationService,
  ShippingService,
} from '../../wire/generated/hipstershop/shop_pb.js';

/** The services that the pages are made from. */
export interface Backends {
  readonly catalog: CatalogCaller;
  readonly cart: RpcClient<typeof CartService>;
  readonly currency: RpcClient<typeof CurrencyService>;
  readonly recommendations: RpcClient<typeof RecommendationService>;
  readonly shipping: RpcClient<typeof ShippingService>;
  readonly checkout: RpcClient<typeof CheckoutService>;
  readonly ads: RpcClient<typeof AdService>;
}

/** Placing an order is a chain of calls; it may take as long as all of them together. */
const CHECKOUT_TIMEOUT_MS = 15_000;

/** Clients for the addresses in the environment, under the names that the public Online Boutique uses. */
export function connectBackends(env: Environment, log: Log): Backends {
  return {
    catalog: catalogCaller({
      address: env.address('PRODUCT_CATALOG_SERVICE_ADDR'),
      cluster: env.text('CLUSTER', 'unknown'),
      log,
    }),
    cart: connect(CartService, { address: env.address('CART_SERVICE_ADDR'), log }),
    currency: connect(CurrencyService, { address: env.address('CURRENCY_SERVICE_ADDR'), log }),
    recommendations: connect(RecommendationService, {
      address: env.address('RECOMMENDATION_SERVICE_ADDR'),
      log,
    }),
    shipping: connect(ShippingService, { address: env.address('SHIPPING_SERVICE_ADDR'), log }),
    checkout: connect(CheckoutService, {
      address: env.address('CHECKOUT_SERVICE_ADDR'),
      log,
      timeoutMs: CHECKOUT_TIMEOUT_MS,
    }),
    ads: connect(AdService, { address: env.address('AD_SERVICE_ADDR'), log }),
  };
}

export function closeBackends(backends: Backends): void {
  for (const client of Object.values(backends)) client.close();
}
