import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { CatalogContext } from '../catalog-calls/catalog-caller.ts';
import { amount, wireMoney } from '../money/money.ts';
import { createLog } from '../process/log.ts';
import { readCatalog } from '../productcatalogservice/catalog.ts';
import products from '../productcatalogservice/products.json' with { type: 'json' };
import type { Answer, CallContext } from '../rpc/client.ts';
import { invalidArgument, RpcError } from '../rpc/rpc-error.ts';
import {
  AdResponseSchema,
  CartSchema,
  EmptySchema,
  GetQuoteResponseSchema,
  GetSupportedCurrenciesResponseSchema,
  ListRecommendationsResponseSchema,
  MoneySchema,
  PlaceOrderResponseSchema,
  ShipOrderResponseSchema,
} from '../wire/generated/hipstershop/shop_pb.js';
import type { Backends } from './backends/backends.ts';
import { createPrices } from './backends/prices.ts';
import { loadStaticFiles } from './http/static-files.ts';
import { createFrontendServer } from './http-server.ts';

const catalog = readCatalog(products);

interface Shop {
  /** Parts that do not answer; can be changed while the shop runs. */
  readonly down: Set<keyof Backends>;
  readonly contexts: CallContext[];
  /** Parts that were called, in order. */
  readonly asked: (keyof Backends)[];
  /** No part answers before this. */
  hold: Promise<void>;
  refusal: RpcError | undefined;
}

/** A whole shop in this process, part of which can be taken away. */
function backends(shop: Shop): Backends {
  const carts = new Map<string, Map<string, number>>();
  const note = (part: keyof Backends, context: CallContext | undefined): void => {
    if (context !== undefined) shop.contexts.push(context);
    shop.asked.push(part);
    if (shop.down.has(part)) throw new RpcError(status.UNAVAILABLE, 'connection refused');
  };
  const answer = async <S extends DescMessage>(
    part: keyof Backends,
    context: CallContext | undefined,
    schema: S,
    message: () => MessageInitShape<S>,
    headers: Record<string, string> = {},
  ): Promise<Answer<MessageShape<S>>> => {
    note(part, context);
    await shop.hold;
    return { message: create(schema, message()), headers: new Map(Object.entries(headers)) };
  };
  const ask = async <T>(context: CatalogContext, find: () => T): Promise<T> => {
    try {
      note('catalog', context);
      await shop.hold;
    } catch (error) {
      context.tally.add({ cluster: 'cluster2', outcome: 'failed' });
      throw error;
    }
    context.tally.add({ cluster: 'cluster2', outcome: 'vm' });
    context.onServedBy?.({ side: 'vm', host: 'vm-1', cluster: 'vm' });
    return find();
  };
  const items = (userId = '') =>
    [...(carts.get(userId) ?? [])].map(([productId, quantity]) => ({ productId, quantity }));
  const close = () => {};
  return {
    catalog: {
      list: (context) => ask(context, () => catalog.products),
      get: (id, context) => ask(context, () => catalog.get(id)),
      search: (query, context) => ask(context, () => catalog.search(query)),
      close,
    },
    cart: {
      getCart: ({ userId }, context) => answer('cart', context, CartSchema, () => ({ items: items(userId) })),
      addItem: ({ userId = '', item }, context) =>
        answer('cart', context, EmptySchema, () => {
          const cart = carts.get(userId) ?? new Map<string, number>();
          carts.set(userId, cart.set(item?.productId ?? '', item?.quantity ?? 0));
          return {};
        }),
      emptyCart: ({ userId = '' }, context) =>
        answer('cart', context, EmptySchema, () => {
          carts.delete(userId);
          return {};
        }),
      close,
    },
    currency: {
      getSupportedCurrencies: (_request, context) =>
        answer('currency', context, GetSupportedCurrenciesResponseSchema, () => ({
          currencyCodes: ['EUR', 'USD'],
        })),
      convert: ({ from, toCode = '' }, context) =>
        answer('currency', context, MoneySchema, () => ({
          currencyCode: toCode,
          units: (from?.units ?? 0n) * 2n,
        })),
      close,
    },
    recommendations: {
      listRecommendations: (_request, context) =>
        answer(
          'recommendations',
          context,
          ListRecommendationsResponseSchema,
          () => ({ productIds: ['OLJCESPC7Z', 'GONE'] }),
          { 'x-catalog-calls': 'cluster1/k8s=1' },
        ),
      close,
    },
    shipping: {
      getQuote: (_request, context) =>
        answer('shipping', context, GetQuoteResponseSchema, () => ({
          costUsd: { currencyCode: 'USD', units: 5n },
        })),
      shipOrder: (_request, context) => answer('shipping', context, ShipOrderResponseSchema, () => ({})),
      close,
    },
    checkout: {
      placeOrder: async ({ userId }, context) => {
        if (shop.refusal !== undefined) throw shop.refusal;
        return answer('checkout', context, PlaceOrderResponseSchema, () => ({
          order: {
            orderId: 'o-1',
            shippingTrackingId: 'OB-1',
            shippingCost: { currencyCode: 'USD', units: 5n },
            items: items(userId).map((item) => ({
              item,
              cost: wireMoney(amount(catalog.get(item.productId).priceUsd)),
            })),
          },
        }));
      },
      close,
    },
    ads: {
      getAds: (_request, context) =>
        answer('ads', context, AdResponseSchema, () => ({
          ads: [{ text: 'Buy a mug', redirectUrl: '/product/6E92ZMYYFZ' }],
        })),
      close,
    },
  };
}

const running: Server[] = [];

afterEach(() => {
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function open() {
  const shop: Shop = {
    down: new Set(),
    contexts: [],
    asked: [],
    hold: Promise.resolve(),
    refusal: undefined,
  };
  const lines: string[] = [];
  const log = createLog({ service: 'frontend', level: 'info', write: (line) => lines.push(line) });
  const files = loadStaticFiles(fileURLToPath(new URL('./static', import.meta.url)));
  const parts = backends(shop);
  const server = createFrontendServer({ backends: parts, prices: createPrices(parts), files }, log);
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let cookies = 'shop_session-id=someone';
  const visit = async (path: string, form?: Record<string, string>, headers: Record<string, string> = {}) => {
    const response = await fetch(base + path, {
      redirect: 'manual',
      headers: { cookie: cookies, ...headers },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const cookie of response.headers.getSetCookie()) cookies += `; ${cookie.split(';')[0]}`;
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const buy = { product_id: '6E92ZMYYFZ', quantity: '2' };
  const order = {
    email: 'a@b',
    street_address: 'x',
    city: 'y',
    state: 'z',
    country: 'w',
    zip_code: '12345',
    credit_card_number: '4111 1111 1111 1111',
    credit_card_cvv: '012',
    credit_card_expiration_year: '2030',
    credit_card_expiration_month: '1',
  };
  return { shop, visit, base, lines, buy, order };
}

describe('the whole shop', () => {
  it('shows every product with its price at home, and which copy of the catalog gave them', async () => {
    const { visit } = await open();
    const { status: code, body, headers } = await visit('/');
    expect(code).toBe(200);
    for (const product of catalog.products) expect(body).toContain(product.name.replace('&', '&amp;'));
    expect(body).toContain('$19.99');
    expect(body).toContain(
      '<body data-served-by-side="vm" data-served-by="vm-1" data-served-by-cluster="vm">',
    );
    expect(body).toContain('Buy a mug');
    expect(headers.get('x-served-by-side')).toBe('vm');
    expect(headers.get('x-shop-degraded')).toBeNull();
  });

  it('tells of every catalog call made for a page, by cluster and side', async () => {
    const { visit } = await open();
    const { headers } = await visit('/product/6E92ZMYYFZ');
    expect(headers.get('x-catalog-calls')).toBe('cluster1/k8s=1,cluster2/vm=1');
  });

  it('asks no service twice for one page, and nobody for the cart of somebody who has just come in', async () => {
    const { base, shop, visit } = await open();
    await visit('/');
    for (const [path, services] of [
      ['/', ['ads', 'cart', 'catalog']],
      ['/product/6E92ZMYYFZ', ['ads', 'cart', 'catalog', 'recommendations']],
      ['/search?q=mug', ['cart', 'catalog']],
    ] as const) {
      shop.asked.splice(0);
      await visit(path);
      expect(shop.asked.sort(), path).toEqual(services);
      shop.asked.splice(0);
      const newcomer = await fetch(base + path);
      expect(await newcomer.text()).toMatch(/class="count">0</);
      expect(shop.asked.sort(), path).toEqual(services.filter((it) => it !== 'cart'));
    }
  });

  it.each([
    ['/', ['ads', 'cart', 'catalog', 'currency']],
    ['/product/6E92ZMYYFZ', ['cart', 'catalog', 'currency', 'recommendations']],
    ['/cart', ['cart', 'catalog', 'currency']],
    ['/search?q=mug', ['cart', 'catalog', 'currency']],
  ])('asks side by side for what makes %s', async (path, services) => {
    const { shop, visit } = await open();
    let answer = () => {};
    shop.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const page = visit(path);
    // Nobody has been answered yet: whoever is asked now is not asked because of an answer.
    await expect.poll(() => shop.asked.toSorted(), { timeout: 5_000 }).toEqual(services);
    answer();
    expect((await page).status).toBe(200);
  });

  it('writes its commonest pages in ASCII, which Node keeps in half the memory', async () => {
    const { visit } = await open();
    for (const path of ['/', '/product/6E92ZMYYFZ', '/search?q=mug']) {
      expect((await visit(path)).body).toMatch(/^[\0-\x7f]*$/);
    }
  });

  it('advertises elsewhere than on the page of what is advertised', async () => {
    const { visit } = await open();
    expect((await visit('/product/OLJCESPC7Z')).body).toContain('Buy a mug');
    expect((await visit('/product/6E92ZMYYFZ')).body).not.toContain('Buy a mug');
  });

  it('recommends only what the catalog has', async () => {
    const { visit } = await open();
    const { body } = await visit('/product/6E92ZMYYFZ');
    expect(body).toContain('You may also like');
    expect(body).toContain('Sunglasses');
    expect(body).not.toContain('GONE');
  });

  it('sells: into the cart, to the till, and thank you', async () => {
    const { visit, buy, order } = await open();
    const added = await visit('/cart', buy);
    expect([added.status, added.headers.get('location')]).toEqual([303, '/cart']);
    const cart = await visit('/cart');
    expect(cart.body).toContain('2 &times; $8.99');
    expect(cart.body).toContain('$22.98');
    const thanks = await visit('/cart/checkout', order);
    expect(thanks.status).toBe(200);
    expect(thanks.body).toContain('id="order-id">o-1<');
    expect(thanks.body).toContain('2 &times; Mug');
    expect(thanks.body).toContain('id="total-paid">$22.98<');
  });

  it('shows prices in the currency chosen, and goes back to where it was chosen', async () => {
    const { visit } = await open();
    const switched = await visit('/setCurrency', { currency_code: 'EUR', return_to: '/product/6E92ZMYYFZ' });
    expect([switched.status, switched.headers.get('location')]).toEqual([303, '/product/6E92ZMYYFZ']);
    expect((await visit('/product/6E92ZMYYFZ')).body).toContain('<p class="price">€16.00</p>');
  });

  it('lists the products as JSON', async () => {
    const { visit } = await open();
    const answer = JSON.parse((await visit('/api/products')).body);
    expect(answer.servedBy).toEqual({ side: 'vm', host: 'vm-1', cluster: 'vm' });
    expect(answer.products).toHaveLength(12);
    expect(
      amount({ ...answer.products[0].priceUsd, units: BigInt(answer.products[0].priceUsd.units) }).nanos,
    ).toBe(19_990_000_000n);
  });

  it('passes the request’s id and tracing headers to every service it asks', async () => {
    const { visit, shop } = await open();
    const { headers } = await visit('/product/6E92ZMYYFZ', undefined, {
      'x-request-id': 'r-1',
      traceparent: '00-a-b-01',
    });
    expect(headers.get('x-request-id')).toBe('r-1');
    expect(shop.contexts.length).toBeGreaterThanOrEqual(5);
    for (const { propagated } of shop.contexts) {
      expect(propagated).toEqual(
        new Map([
          ['x-request-id', 'r-1'],
          ['traceparent', '00-a-b-01'],
        ]),
      );
    }
  });

  it('serves its drawings for ever, under addresses that change with them', async () => {
    const { visit } = await open();
    const address =
      /src="(\/static\/img\/products\/mug\.svg\?v=\w+)"/.exec((await visit('/')).body)?.[1] ?? '';
    const drawing = await visit(address);
    expect(drawing.headers.get('content-type')).toBe('image/svg+xml');
    expect(drawing.headers.get('cache-control')).toContain('immutable');
    // The public catalog names photographs; here they are drawings.
    expect((await visit('/static/img/products/mug.jpg')).body).toBe(drawing.body);
  });
});

describe('what customers send', () => {
  it('is escaped wherever it is shown', async () => {
    const { visit } = await open();
    const { body } = await visit('/search?q=%3Cscript%3Ealert(1)%3C/script%3E"');
    expect(body).not.toContain('<script');
    expect(body).toContain('&lt;script&gt;');
  });

  it.each([
    ['a product that does not exist', '/product/NOPE', undefined, 404, 'We don’t have that'],
    ['a page that does not exist', '/nowhere', undefined, 404, 'There is nothing here'],
    ['a garbled address', '/product/%E0%A4%A', undefined, 400, 'garbled'],
    ['no address at all', '//', undefined, 400, 'garbled'],
    ['no product', '/cart', { quantity: '1' }, 400, 'Choose a product'],
    ['an unknown product', '/cart', { product_id: 'NOPE', quantity: '1' }, 400, 'We don’t have that product'],
    ['a negative quantity', '/cart', { product_id: '6E92ZMYYFZ', quantity: '-1' }, 400, 'from 1 to 99'],
    ['half a thing', '/cart', { product_id: '6E92ZMYYFZ', quantity: '1.5' }, 400, 'from 1 to 99'],
    ['an unknown currency', '/setCurrency', { currency_code: 'XXX' }, 400, 'prices in XXX'],
    ['no currency', '/setCurrency', {}, 400, 'not a currency'],
    ['an order for nothing', '/cart/checkout', { email: 'a@b' }, 409, 'Your cart is empty'],
  ])('is answered clearly: %s', async (_what, path, form, code, text) => {
    const { visit } = await open();
    const answer = await visit(path, form);
    expect(answer.status).toBe(code);
    expect(answer.body).toContain(text);
  });

  it('never leads to another site', async () => {
    const { visit } = await open();
    for (const return_to of ['https://evil.example/', '//evil.example/', '/\\evil.example']) {
      expect((await visit('/setCurrency', { currency_code: 'EUR', return_to })).headers.get('location')).toBe(
        '/',
      );
    }
  });

  it('is kept when an order is refused, except the card', async () => {
    const { visit, shop, buy, order } = await open();
    await visit('/cart', buy);
    shop.refusal = invalidArgument('The card number has a typing mistake.');
    const { status: code, body } = await visit('/cart/checkout', { ...order, city: 'Lisbon' });
    expect(code).toBe(422);
    expect(body).toContain('The card number has a typing mistake.');
    expect(body).toContain('value="Lisbon"');
    expect(body).not.toContain('4111');
    const missing = await visit('/cart/checkout', { ...order, email: '' });
    expect(missing.status).toBe(422);
    expect(missing.body).toContain('Please fill in “email”.');
  });

  it('is refused when it is not a form, or far too large', async () => {
    const { base } = await open();
    const post = (body: string, type: string) =>
      fetch(`${base}/cart`, { method: 'POST', body, headers: { 'content-type': type } });
    expect((await post('{}', 'application/json')).status).toBe(400);
    expect((await post('a'.repeat(50_000), 'application/x-www-form-urlencoded')).status).toBe(400);
  });
});

describe('a shop with a part away', () => {
  it('says at home that the catalog is away, asks to come back, and heals by itself', async () => {
    const { visit, shop } = await open();
    shop.down.add('catalog');
    const { status: code, body, headers } = await visit('/');
    expect(code).toBe(503);
    expect(body).toContain('Our catalog is away');
    expect(headers.get('retry-after')).toBe('5');
    expect(headers.get('x-shop-degraded')).toContain('catalog');
    expect(headers.get('x-catalog-calls')).toBe('cluster2/failed=1');
    expect(headers.get('x-served-by-side')).toBeNull();
    shop.down.clear();
    expect((await visit('/')).status).toBe(200);
  });

  it.each([
    ['/product/6E92ZMYYFZ', 'Our catalog is away'],
    ['/search?q=mug', 'Our catalog is away'],
    ['/api/products', 'the product catalog does not answer'],
  ])('says so on %s without a catalog', async (path, text) => {
    const { visit, shop } = await open();
    shop.down.add('catalog');
    const answer = await visit(path);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain(text);
  });

  it('says without a catalog that the cart is safe, and how much is in it', async () => {
    const { visit, shop, buy } = await open();
    await visit('/cart', buy);
    shop.down.add('catalog');
    const { status: code, body } = await visit('/cart');
    expect(code).toBe(503);
    expect(body).toContain('Your cart is safe, with 2 things in it');
  });

  it('puts nothing into the cart without knowing that it is sold', async () => {
    const { visit, shop, buy } = await open();
    shop.down.add('catalog');
    expect((await visit('/cart', buy)).status).toBe(503);
    shop.down.clear();
    expect((await visit('/cart')).body).toContain('Your cart is empty');
  });

  it.each([
    ['ads', 'data-missing="ads"'],
    ['recommendations', 'Recommendations are away right now.'],
    ['cart', 'The cart cannot be reached right now.'],
  ] as const)('still shows a product without %s, with a note', async (part, text) => {
    const { visit, shop } = await open();
    shop.down.add(part);
    const { status: code, body, headers } = await visit('/product/6E92ZMYYFZ');
    expect(code).toBe(200);
    expect(body).toContain('mustard inside');
    expect(body).toContain(text);
    expect(headers.get('x-shop-degraded')).toBe(part);
  });

  it('shows dollars without currency conversion, and says so', async () => {
    const { visit, shop } = await open();
    await visit('/setCurrency', { currency_code: 'EUR' });
    shop.down.add('currency');
    const { status: code, body } = await visit('/product/6E92ZMYYFZ');
    expect(code).toBe(200);
    expect(body).toContain('<p class="price">$8.99</p>');
    expect(body).toContain('prices are in US dollars');
  });

  it('keeps converting prices that it knows while currency conversion is away', async () => {
    const { visit, shop } = await open();
    await visit('/setCurrency', { currency_code: 'EUR' });
    await visit('/product/6E92ZMYYFZ');
    shop.down.add('currency');
    expect((await visit('/product/6E92ZMYYFZ')).body).toContain('<p class="price">€16.00</p>');
  });

  it('shows the cart without shipping, with a total that says what it leaves out', async () => {
    const { visit, shop, buy } = await open();
    await visit('/cart', buy);
    shop.down.add('shipping');
    const { status: code, body } = await visit('/cart');
    expect(code).toBe(200);
    expect(body).toContain('not known right now');
    expect(body).toContain('$17.98 + shipping');
  });

  it('says that the cart is away, and that nothing is lost', async () => {
    const { visit, shop, buy } = await open();
    shop.down.add('cart');
    const cart = await visit('/cart');
    expect([cart.status, cart.body.includes('Your cart cannot be reached')]).toEqual([503, true]);
    expect((await visit('/cart', buy)).body).toContain('The cart does not answer right now.');
  });

  it('says that an order was not placed, and what the checkout knows about it', async () => {
    const { visit, shop, buy, order } = await open();
    await visit('/cart', buy);
    shop.refusal = new RpcError(status.UNAVAILABLE, 'Shipping does not answer; nothing was charged.');
    const { status: code, body } = await visit('/cart/checkout', order);
    expect(code).toBe(503);
    expect(body).toContain('Your order could not be placed');
    expect(body).toContain('nothing was charged');
  });

  it('answers with everything away, and with its health check', async () => {
    const { visit, shop } = await open();
    for (const part of [
      'catalog',
      'cart',
      'currency',
      'recommendations',
      'shipping',
      'checkout',
      'ads',
    ] as const) {
      shop.down.add(part);
    }
    for (const path of ['/', '/product/6E92ZMYYFZ', '/cart', '/search?q=a']) {
      const { status: code, body } = await visit(path);
      expect(code).toBe(503);
      expect(body).toContain('Online Boutique');
    }
    expect(await visit('/_healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  });
});

describe('a connection to the frontend', () => {
  it('is kept open longer than a proxy keeps it, so that none closes under a request', () => {
    const server = createFrontendServer(
      {} as never,
      createLog({ service: '', level: 'error', write: () => {} }),
    );
    expect(server.keepAliveTimeout).toBeGreaterThan(60 * 60 * 1000);
    expect(createServer().keepAliveTimeout).toBeLessThan(60 * 60 * 1000);
  });
});
