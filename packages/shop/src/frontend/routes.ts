import { status } from '@grpc/grpc-js';
import { CATALOG_CALLS_HEADER } from '../catalog-calls/tally.ts';
import { type Amount, amount, sum, times, wireMoney } from '../money/money.ts';
import type { Answer } from '../rpc/client.ts';
import { isOutage, RpcError } from '../rpc/rpc-error.ts';
import type { Ad, CartItem, Product } from '../wire/generated/hipstershop/shop_pb.js';
import type { Backends } from './backends/backends.ts';
import type { Prices } from './backends/prices.ts';
import { setCookie } from './http/cookies.ts';
import { BadRequest } from './http/form.ts';
import { json, page, type Reply, seeOther } from './http/reply.ts';
import type { StaticFiles } from './http/static-files.ts';
import { cartPage, emptyCartPage } from './pages/cart-page.ts';
import { homePage } from './pages/home-page.ts';
import type { Frame } from './pages/layout.ts';
import { messagePage } from './pages/message-page.ts';
import { orderPage } from './pages/order-page.ts';
import type { PricedProduct } from './pages/product-grid.ts';
import { productPage } from './pages/product-page.ts';
import { searchPage } from './pages/search-page.ts';
import { CURRENCY_COOKIE, orMissing, type Visit } from './visit.ts';

/** Seconds after which a page that lacks its main content loads itself again. */
const COME_BACK_AFTER = '5';

/**
 * What the shop answers to each kind of request. A page answers 200 when it has what the customer came for, with a
 * note about any smaller part that is missing, and 503 when it has not.
 */
export interface Routes {
  home(visit: Visit): Promise<Reply>;
  search(visit: Visit, query: string): Promise<Reply>;
  product(visit: Visit, id: string): Promise<Reply>;
  cart(visit: Visit): Promise<Reply>;
  addToCart(visit: Visit, form: URLSearchParams): Promise<Reply>;
  emptyCart(visit: Visit): Promise<Reply>;
  placeOrder(visit: Visit, form: URLSearchParams): Promise<Reply>;
  switchCurrency(visit: Visit, form: URLSearchParams): Promise<Reply>;
  /** The product list as JSON, with the copy of the catalog that gave it. */
  products(visit: Visit): Promise<Reply>;
  notFound(visit: Visit, path: string): Promise<Reply>;
  badRequest(visit: Visit, message: string): Promise<Reply>;
}

export function createRoutes(backends: Backends, prices: Prices, files: StaticFiles): Routes {
  const catalogContext = (visit: Visit) => ({
    ...visit.context,
    tally: visit.tally,
    onServedBy: (copy: NonNullable<Visit['servedBy']>) => {
      visit.servedBy = copy;
    },
  });
  const listProducts = (visit: Visit): Promise<readonly Product[] | undefined> =>
    orMissing(visit, 'catalog', backends.catalog.list(catalogContext(visit)));
  const cartItems = async (visit: Visit): Promise<readonly CartItem[] | undefined> =>
    (await orMissing(visit, 'cart', backends.cart.getCart({ userId: visit.sessionId }, visit.context)))
      ?.message.items;
  const adsFor = async (visit: Visit, contextKeys: string[]): Promise<readonly Ad[] | undefined> =>
    (await orMissing(visit, 'ads', backends.ads.getAds({ contextKeys }, visit.context)))?.message.ads;
  const priced = async (visit: Visit, products: readonly Product[]): Promise<PricedProduct[]> =>
    Promise.all(
      products.map(async ({ id, name, picture, priceUsd }) => ({
        id,
        name,
        picture,
        price: await prices.inCurrencyOf(visit, priceUsd),
      })),
    );
  const recommendedIds = async (visit: Visit, productIds: string[]): Promise<readonly string[]> => {
    const call = counted(
      visit,
      backends.recommendations.listRecommendations({ userId: visit.sessionId, productIds }, visit.context),
    );
    return (await orMissing(visit, 'recommendations', call))?.message.productIds ?? [];
  };
  /** Recommended products, from a list that is being fetched anyway instead of one call for each. */
  const recommended = async (
    visit: Visit,
    productIds: string[],
    all: Promise<readonly Product[] | undefined>,
  ): Promise<PricedProduct[]> => {
    const [ids, products] = await Promise.all([recommendedIds(visit, productIds), all]);
    const byId = new Map(products?.map((product) => [product.id, product]));
    return priced(
      visit,
      ids.flatMap((id) => byId.get(id) ?? []),
    );
  };
  /** `items` is the cart where the page has it already. */
  const frame = async (visit: Visit, path: string, items = cartItems(visit)): Promise<Frame> => {
    const [cart, currencies] = await Promise.all([items, prices.currencies(visit)]);
    return {
      visit,
      files,
      path,
      currencies,
      cartSize: cart?.reduce((count, { quantity }) => count + quantity, 0),
    };
  };
  const unavailable = async (
    visit: Visit,
    frameOrPath: Frame | string,
    message: { title: string; paragraphs: readonly string[]; tryAgain?: string },
    { refresh = true } = {},
  ): Promise<Reply> => {
    const around = typeof frameOrPath === 'string' ? await frame(visit, frameOrPath) : frameOrPath;
    return page(503, messagePage(around, message), {
      'retry-after': COME_BACK_AFTER,
      ...(refresh ? { refresh: COME_BACK_AFTER } : {}),
    });
  };
  const withoutCatalog = {
    title: 'Our catalog is away',
    paragraphs: [
      'The product catalog does not answer right now, so we have nothing to show you. Your cart is safe.',
      'This page looks again every few seconds and comes back by itself.',
    ],
  };

  const routes: Routes = {
    async home(visit) {
      const [around, ads, products] = await Promise.all([
        frame(visit, '/'),
        adsFor(visit, []),
        listProducts(visit).then((list) => list && priced(visit, list)),
      ]);
      if (products === undefined) return unavailable(visit, around, { ...withoutCatalog, tryAgain: '/' });
      return page(200, homePage(around, products, ads));
    },

    async search(visit, query) {
      const path = `/search?q=${encodeURIComponent(query)}`;
      const found = orMissing(visit, 'catalog', backends.catalog.search(query, catalogContext(visit)));
      const [around, products] = await Promise.all([
        frame(visit, path),
        found.then((list) => list && priced(visit, list)),
      ]);
      if (products === undefined) return unavailable(visit, around, { ...withoutCatalog, tryAgain: path });
      return page(200, searchPage(around, query, products));
    },

    async product(visit, id) {
      const path = `/product/${encodeURIComponent(id)}`;
      const found = backends.catalog.get(id, catalogContext(visit)).catch((error: unknown) => {
        if (error instanceof RpcError && error.code === status.NOT_FOUND) return 'no such product' as const;
        visit.missing.add('catalog');
        return 'away' as const;
      });
      const [around, product, also, ads, price] = await Promise.all([
        frame(visit, path),
        found,
        recommended(visit, [id], listProducts(visit)),
        found.then((it) => (typeof it === 'string' ? undefined : adsFor(visit, it.categories))),
        found.then((it) => (typeof it === 'string' ? undefined : prices.inCurrencyOf(visit, it.priceUsd))),
      ]);
      if (product === 'no such product') {
        return page(
          404,
          messagePage(around, {
            title: 'We don’t have that',
            paragraphs: ['Perhaps we never did. It may also be sold out for good.'],
          }),
        );
      }
      if (product === 'away' || price === undefined) {
        return unavailable(visit, around, { ...withoutCatalog, tryAgain: path });
      }
      return page(200, productPage(around, { product, price, recommended: also, ads }));
    },

    async cart(visit) {
      return showCart(visit);
    },

    async addToCart(visit, form) {
      const productId = form.get('product_id') ?? '';
      const quantity = Number(form.get('quantity') ?? '1');
      if (productId === '' || !Number.isInteger(quantity) || quantity < 1 || quantity > 99) {
        throw new BadRequest('Choose a product and a quantity from 1 to 99.');
      }
      // The catalog is asked first, so that nothing gets into a cart that isn't sold.
      const product = await backends.catalog.get(productId, catalogContext(visit)).catch((error: unknown) => {
        if (error instanceof RpcError && error.code === status.NOT_FOUND) {
          throw new BadRequest('We don’t have that product.');
        }
        visit.missing.add('catalog');
        return undefined;
      });
      const back = `/product/${encodeURIComponent(productId)}`;
      if (product === undefined) {
        return unavailable(
          visit,
          back,
          {
            title: 'That could not be added',
            paragraphs: ['The product catalog does not answer right now. Nothing was put into your cart.'],
            tryAgain: back,
          },
          { refresh: false },
        );
      }
      const added = await orMissing(
        visit,
        'cart',
        backends.cart.addItem({ userId: visit.sessionId, item: { productId, quantity } }, visit.context),
      );
      if (added === undefined) {
        return unavailable(
          visit,
          back,
          {
            title: 'That could not be added',
            paragraphs: ['The cart does not answer right now.'],
            tryAgain: back,
          },
          { refresh: false },
        );
      }
      return seeOther('/cart');
    },

    async emptyCart(visit) {
      const emptied = await orMissing(
        visit,
        'cart',
        backends.cart.emptyCart({ userId: visit.sessionId }, visit.context),
      );
      if (emptied !== undefined) return seeOther('/');
      return unavailable(
        visit,
        '/cart',
        {
          title: 'The cart could not be emptied',
          paragraphs: ['It does not answer right now.'],
          tryAgain: '/cart',
        },
        { refresh: false },
      );
    },

    async placeOrder(visit, form) {
      try {
        const email = text(form, 'email');
        const answer = await counted(
          visit,
          backends.checkout.placeOrder(
            {
              userId: visit.sessionId,
              userCurrency: visit.currency,
              email,
              address: {
                streetAddress: text(form, 'street_address'),
                city: text(form, 'city'),
                state: text(form, 'state'),
                country: text(form, 'country'),
                zipCode: wholeNumber(form, 'zip_code', 'The zip code'),
              },
              creditCard: {
                creditCardNumber: text(form, 'credit_card_number'),
                creditCardCvv: wholeNumber(form, 'credit_card_cvv', 'The security code'),
                creditCardExpirationYear: wholeNumber(
                  form,
                  'credit_card_expiration_year',
                  'The year of expiry',
                ),
                creditCardExpirationMonth: wholeNumber(
                  form,
                  'credit_card_expiration_month',
                  'The month of expiry',
                ),
              },
            },
            visit.context,
          ),
        );
        const order = answer.message.order;
        if (order === undefined) throw new RpcError(status.INTERNAL, 'checkout answered without an order');
        const ids = order.items.map(({ item }) => item?.productId ?? '');
        const products = listProducts(visit);
        const [around, also, all] = await Promise.all([
          frame(visit, '/', Promise.resolve([])),
          recommended(visit, ids, products),
          products,
        ]);
        const nameOf = (id: string): string => all?.find((product) => product.id === id)?.name ?? id;
        return page(200, orderPage(around, { order, email, nameOf, recommended: also }));
      } catch (error) {
        if (error instanceof BadRequest) return showCart(visit, { form, because: error.message });
        if (!(error instanceof RpcError)) throw error;
        if (error.code === status.INVALID_ARGUMENT || error.code === status.FAILED_PRECONDITION) {
          return showCart(visit, { form, because: error.message });
        }
        visit.missing.add('checkout');
        return unavailable(
          visit,
          '/cart',
          {
            title: 'Your order could not be placed',
            paragraphs: [
              isOutage(error)
                ? 'A part of the shop that orders need does not answer right now.'
                : 'Something went wrong on our side.',
              error.message,
            ],
            tryAgain: '/cart',
          },
          { refresh: false },
        );
      }
    },

    async switchCurrency(visit, form) {
      const code = form.get('currency_code') ?? '';
      if (!/^[A-Z]{3}$/.test(code)) throw new BadRequest('That is not a currency.');
      const known = await prices.currencies(visit);
      if (known.length > 0 && !known.includes(code)) throw new BadRequest(`We don’t have prices in ${code}.`);
      const back = form.get('return_to') ?? '/';
      const withinTheShop = /^\/(?![/\\])/.test(back);
      return seeOther(withinTheShop ? back : '/', {
        'set-cookie': [setCookie(CURRENCY_COOKIE, code, 48 * 60 * 60)],
      });
    },

    async products(visit) {
      const products = await listProducts(visit);
      const { servedBy } = visit;
      if (products === undefined) return json(503, { error: 'the product catalog does not answer' });
      return json(200, {
        servedBy,
        products: products.map(({ id, name, description, picture, categories, priceUsd }) => {
          const price = amount(priceUsd);
          const { currencyCode, units, nanos } = wireMoney(price);
          return {
            id,
            name,
            description,
            picture,
            categories,
            priceUsd: { currencyCode, units: String(units), nanos },
          };
        }),
      });
    },

    async notFound(visit, path) {
      const message = {
        title: 'There is nothing here',
        paragraphs: [`No page of ours is called ${path.slice(0, 200)}.`],
      };
      return page(404, messagePage(await frame(visit, '/'), message));
    },

    async badRequest(visit, message) {
      return page(
        400,
        messagePage(await frame(visit, '/'), { title: 'That did not work', paragraphs: [message] }),
      );
    },
  };

  async function showCart(
    visit: Visit,
    refused?: { form: URLSearchParams; because: string },
  ): Promise<Reply> {
    const all = listProducts(visit);
    const items = cartItems(visit);
    const also = items.then((cart) => recommended(visit, cart?.map(({ productId }) => productId) ?? [], all));
    const cart = await items;
    const quote =
      cart === undefined || cart.length === 0
        ? undefined
        : orMissing(visit, 'shipping', backends.shipping.getQuote({ items: [...cart] }, visit.context)).then(
            (answer) =>
              answer === undefined ? undefined : prices.inCurrencyOf(visit, answer.message.costUsd),
          );
    const [around, products, shipping, suggestions] = await Promise.all([
      frame(visit, '/cart', items),
      all,
      quote,
      also,
    ]);
    if (cart === undefined) {
      return unavailable(visit, around, {
        title: 'Your cart cannot be reached',
        paragraphs: ['It does not answer right now. What you put into it is still there.'],
        tryAgain: '/cart',
      });
    }
    if (cart.length === 0) return page(refused === undefined ? 200 : 409, emptyCartPage(around, suggestions));
    if (products === undefined) {
      const pieces = around.cartSize ?? 0;
      return unavailable(visit, around, {
        title: 'Our catalog is away',
        paragraphs: [
          `Your cart is safe, with ${pieces === 1 ? 'one thing' : `${pieces} things`} in it, but the product catalog does not answer right now, so names and prices cannot be shown.`,
        ],
        tryAgain: '/cart',
      });
    }
    const view = await priced(visit, products);
    const lines = cart.flatMap(({ productId, quantity }) => {
      const product = view.find(({ id }) => id === productId);
      return product === undefined ? [] : { product, quantity, cost: times(product.price, quantity) };
    });
    const costs: Amount[] = lines.map(({ cost }) => cost);
    // While conversion is failing, some prices may be converted and some not: then there is no honest total.
    const currency = costs[0]?.currency ?? visit.currency;
    const summable = [...costs, ...(shipping === undefined ? [] : [shipping])];
    if (summable.some((cost) => cost.currency !== currency)) {
      return unavailable(visit, around, {
        title: 'Prices are being worked out',
        paragraphs: [
          'Currency conversion is away right now. Your cart is safe; switching to US dollars shows it.',
        ],
        tryAgain: '/cart',
      });
    }
    return page(
      refused === undefined ? 200 : 422,
      cartPage(around, {
        lines,
        shipping,
        total: sum(currency, summable),
        recommended: suggestions,
        ...(refused === undefined ? {} : { refused }),
      }),
    );
  }

  return routes;
}

/** Adds the catalog calls that another service made for this visit to the visit's own. */
async function counted<T>(visit: Visit, call: Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    const answer = await call;
    visit.tally.merge(answer.headers.get(CATALOG_CALLS_HEADER));
    return answer;
  } catch (error) {
    if (error instanceof RpcError) visit.tally.merge(error.headers.get(CATALOG_CALLS_HEADER));
    throw error;
  }
}

function text(form: URLSearchParams, name: string): string {
  const value = (form.get(name) ?? '').trim();
  if (value === '') throw new BadRequest(`Please fill in “${name.replaceAll('_', ' ')}”.`);
  return value.slice(0, 200);
}

/** At most nine digits, so that it fits the wire's 32 bits. */
function wholeNumber(form: URLSearchParams, name: string, what: string): number {
  const value = text(form, name);
  if (!/^\d{1,9}$/.test(value)) throw new BadRequest(`${what} must be digits only.`);
  return Number(value);
}
