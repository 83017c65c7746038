import type { CatalogContext } from '../catalog-calls/catalog-caller.ts';
import { CATALOG_CALLS_HEADER } from '../catalog-calls/tally.ts';
import type { Amount } from '../money/money.ts';
import type { Answer } from '../rpc/client.ts';
import { RpcError } from '../rpc/rpc-error.ts';
import type { Ad, CartItem, Product } from '../wire/generated/hipstershop/shop_pb.js';
import type { Backends } from './backends/backends.ts';
import type { Prices } from './backends/prices.ts';
import type { StaticFiles } from './http/static-files.ts';
import type { Frame } from './pages/layout.ts';
import type { PricedProduct } from './pages/product-grid.ts';
import { orMissing, type Visit } from './visit.ts';

/**
 * What pages are made from, for one visit. What cannot be had is undefined (or none) and noted in the visit's `missing`,
 * so that a page can be made without it; nothing here rejects, except where said.
 */
export class Ingredients {
  readonly visit: Visit;
  readonly backends: Backends;
  readonly #prices: Prices;
  readonly #files: StaticFiles;

  constructor(visit: Visit, sources: { backends: Backends; prices: Prices; files: StaticFiles }) {
    this.visit = visit;
    this.backends = sources.backends;
    this.#prices = sources.prices;
    this.#files = sources.files;
  }

  products(): Promise<readonly Product[] | undefined> {
    return orMissing(this.visit, 'catalog', this.backends.catalog.list(this.#catalogContext()));
  }

  found(query: string): Promise<readonly Product[] | undefined> {
    return orMissing(this.visit, 'catalog', this.backends.catalog.search(query, this.#catalogContext()));
  }

  /** One product; `no such product` when the catalog says that it has none, which is an answer like any other. */
  async product(id: string): Promise<Product | 'no such product' | undefined> {
    try {
      return await this.backends.catalog.get(id, this.#catalogContext());
    } catch (error) {
      if (error instanceof RpcError && error.codeName === 'NOT_FOUND') return 'no such product';
      this.visit.missing.add('catalog');
      return undefined;
    }
  }

  /** Asked for only where there can be something in it: the cart of somebody who has just come in is empty. */
  async cart(): Promise<readonly CartItem[] | undefined> {
    const { sessionId, newcomer, context } = this.visit;
    if (newcomer) return [];
    const answer = await orMissing(
      this.visit,
      'cart',
      this.backends.cart.getCart({ userId: sessionId }, context),
    );
    return answer?.message.items;
  }

  async ads(categories: string[]): Promise<readonly Ad[] | undefined> {
    const { context } = this.visit;
    const answer = await orMissing(
      this.visit,
      'ads',
      this.backends.ads.getAds({ contextKeys: categories }, context),
    );
    return answer?.message.ads;
  }

  async shippingCost(items: readonly CartItem[]): Promise<Amount | undefined> {
    const call = this.backends.shipping.getQuote({ items: [...items] }, this.visit.context);
    const answer = await orMissing(this.visit, 'shipping', call);
    return answer && this.price(answer.message.costUsd);
  }

  currencies(): Promise<readonly string[]> {
    return this.#prices.currencies(this.visit);
  }

  /** In the customer's currency where it can be converted. */
  price(usd: Product['priceUsd']): Promise<Amount> {
    return this.#prices.inCurrencyOf(this.visit, usd);
  }

  priced(products: readonly Product[]): Promise<PricedProduct[]> {
    return Promise.all(
      products.map(async ({ id, name, picture, priceUsd }) => ({
        id,
        name,
        picture,
        price: await this.price(priceUsd),
      })),
    );
  }

  /**
   * Products to show beside those with `productIds`. They are picked from `all`, a list that the page fetches at the same
   * time anyway, instead of being asked for one by one.
   */
  async recommended(
    productIds: string[],
    all: Promise<readonly Product[] | undefined>,
  ): Promise<PricedProduct[]> {
    const { sessionId, context } = this.visit;
    const call = this.counted(
      this.backends.recommendations.listRecommendations({ userId: sessionId, productIds }, context),
    );
    const [answer, products] = await Promise.all([orMissing(this.visit, 'recommendations', call), all]);
    const byId = new Map(products?.map((product) => [product.id, product]));
    return this.priced(answer?.message.productIds.flatMap((id) => byId.get(id) ?? []) ?? []);
  }

  /** What goes around a page. `path` is where to come back to; `cart` is for a page that has fetched it already. */
  async frame(path: string, cart = this.cart()): Promise<Frame> {
    const [items, currencies] = await Promise.all([cart, this.currencies()]);
    const cartSize = items?.reduce((count, { quantity }) => count + quantity, 0);
    return { visit: this.visit, files: this.#files, path, currencies, cartSize };
  }

  /** The same call, with the catalog calls that the other service made for it added to the visit's own. Rejects as it does. */
  async counted<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      const answer = await call;
      this.visit.tally.merge(answer.headers.get(CATALOG_CALLS_HEADER));
      return answer;
    } catch (error) {
      if (error instanceof RpcError) this.visit.tally.merge(error.headers.get(CATALOG_CALLS_HEADER));
      throw error;
    }
  }

  #catalogContext(): CatalogContext {
    const { visit } = this;
    return {
      ...visit.context,
      tally: visit.tally,
      onServedBy: (copy) => {
        visit.servedBy = copy;
      },
    };
  }
}
