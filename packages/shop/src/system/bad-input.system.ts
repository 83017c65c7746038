import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Program, ShopOnLoopback } from '../local/shop-on-loopback.ts';
import { createLog } from '../process/log.ts';
import { connect, type RpcClient } from '../rpc/client.ts';
import {
  AdService,
  CartService,
  CheckoutService,
  CurrencyService,
  file_hipstershop_shop as contract,
  EmailService,
  PaymentService,
  type PlaceOrderRequest,
  ProductCatalogService,
  RecommendationService,
  ShippingService,
} from '../wire/generated/hipstershop/shop_pb.js';

let shop: ShopOnLoopback;
const lines: string[] = [];

beforeAll(async () => {
  shop = await ShopOnLoopback.open({ onLine: (line) => lines.push(line) });
});
afterAll(() => shop?.close());

const log = createLog({ service: 'test', level: 'error', write: () => {} });
const usd = (units: bigint, nanos = 0) => ({ currencyCode: 'USD', units, nanos });
const card = {
  creditCardNumber: '4111 1111 1111 1111',
  creditCardCvv: 123,
  creditCardExpirationYear: new Date().getFullYear() + 1,
  creditCardExpirationMonth: 1,
};
const order = {
  userId: 'u',
  userCurrency: 'USD',
  address: { city: 'Lisbon' },
  email: 'a@b',
  creditCard: card,
} satisfies Partial<PlaceOrderRequest> | object;

interface Bad<S extends DescService> {
  readonly service: S;
  readonly program: Program;
  /** For each method: what is wrong, a request with it, and the status that is due. */
  readonly methods: {
    readonly [M in keyof RpcClient<S> as M extends 'close' ? never : M]: readonly (readonly [
      what: string,
      request: Parameters<RpcClient<S>[M]>[0],
      due: keyof typeof status,
    ])[];
  };
}

const bad = <S extends DescService>(it: Bad<S>): Bad<DescService> => it as unknown as Bad<DescService>;

const all = [
  bad({
    service: ProductCatalogService,
    program: 'productcatalogservice',
    methods: {
      listProducts: [],
      getProduct: [
        ['no id', {}, 'INVALID_ARGUMENT'],
        ['an id that nothing has', { id: 'NOPE' }, 'NOT_FOUND'],
        ['an id of a megabyte', { id: 'A'.repeat(1_000_000) }, 'NOT_FOUND'],
      ],
      searchProducts: [
        ['no query', {}, 'OK'],
        ['a query of a megabyte', { query: 'a '.repeat(500_000) }, 'OK'],
      ],
    },
  }),
  bad({
    service: RecommendationService,
    program: 'recommendationservice',
    methods: {
      listRecommendations: [
        ['nobody', {}, 'OK'],
        ['products that nobody sells', { productIds: ['NOPE', ''] }, 'OK'],
      ],
    },
  }),
  bad({
    service: CartService,
    program: 'cartservice',
    methods: {
      addItem: [
        ['nothing', {}, 'INVALID_ARGUMENT'],
        ['no customer', { item: { productId: 'A', quantity: 1 } }, 'INVALID_ARGUMENT'],
        ['no product', { userId: 'u', item: { quantity: 1 } }, 'INVALID_ARGUMENT'],
        ['no quantity', { userId: 'u', item: { productId: 'A' } }, 'INVALID_ARGUMENT'],
        ['less than nothing', { userId: 'u', item: { productId: 'A', quantity: -1 } }, 'INVALID_ARGUMENT'],
      ],
      getCart: [['no customer', {}, 'INVALID_ARGUMENT']],
      emptyCart: [['no customer', {}, 'INVALID_ARGUMENT']],
    },
  }),
  bad({
    service: CurrencyService,
    program: 'currencyservice',
    methods: {
      getSupportedCurrencies: [],
      convert: [
        ['nothing', {}, 'INVALID_ARGUMENT'],
        ['no amount', { toCode: 'EUR' }, 'INVALID_ARGUMENT'],
        ['no currency to convert to', { from: usd(1n) }, 'INVALID_ARGUMENT'],
        ['a currency that nobody has', { from: usd(1n), toCode: 'XXX' }, 'INVALID_ARGUMENT'],
        ['an amount in no currency', { from: { units: 1n }, toCode: 'EUR' }, 'INVALID_ARGUMENT'],
        ['too many nanos', { from: usd(1n, 1_000_000_000), toCode: 'EUR' }, 'INVALID_ARGUMENT'],
        ['signs at odds', { from: usd(1n, -1), toCode: 'EUR' }, 'INVALID_ARGUMENT'],
        ['more than the wire can say', { from: usd(2n ** 63n - 1n), toCode: 'JPY' }, 'INVALID_ARGUMENT'],
      ],
    },
  }),
  bad({
    service: ShippingService,
    program: 'shippingservice',
    methods: {
      getQuote: [
        ['nothing', {}, 'OK'],
        ['less than nothing', { items: [{ productId: 'A', quantity: -1 }] }, 'INVALID_ARGUMENT'],
      ],
      shipOrder: [
        ['nowhere', { items: [{ productId: 'A', quantity: 1 }] }, 'INVALID_ARGUMENT'],
        ['nothing', { address: { city: 'Lisbon' } }, 'INVALID_ARGUMENT'],
        ['less than nothing', { address: {}, items: [{ productId: 'A', quantity: -1 }] }, 'INVALID_ARGUMENT'],
      ],
    },
  }),
  bad({
    service: PaymentService,
    program: 'paymentservice',
    methods: {
      charge: [
        ['nothing', {}, 'INVALID_ARGUMENT'],
        ['no card', { amount: usd(1n) }, 'INVALID_ARGUMENT'],
        ['no amount', { creditCard: card }, 'INVALID_ARGUMENT'],
        ['an amount of nothing', { amount: usd(0n), creditCard: card }, 'INVALID_ARGUMENT'],
        ['less than nothing', { amount: usd(-1n), creditCard: card }, 'INVALID_ARGUMENT'],
        [
          'a mistyped number',
          { amount: usd(1n), creditCard: { ...card, creditCardNumber: '4111111111111112' } },
          'INVALID_ARGUMENT',
        ],
        [
          'an expired card',
          { amount: usd(1n), creditCard: { ...card, creditCardExpirationYear: 2020 } },
          'INVALID_ARGUMENT',
        ],
      ],
    },
  }),
  bad({
    service: EmailService,
    program: 'emailservice',
    methods: {
      sendOrderConfirmation: [
        ['nobody', { order: {} }, 'INVALID_ARGUMENT'],
        ['no address', { email: 'nobody', order: {} }, 'INVALID_ARGUMENT'],
        ['nothing to confirm', { email: 'a@b' }, 'INVALID_ARGUMENT'],
        ['an order without costs', { email: 'a@b', order: { orderId: 'o' } }, 'INVALID_ARGUMENT'],
      ],
    },
  }),
  bad({
    service: CheckoutService,
    program: 'checkoutservice',
    methods: {
      placeOrder: [
        ['nothing', {}, 'INVALID_ARGUMENT'],
        ['no customer', { ...order, userId: '' }, 'INVALID_ARGUMENT'],
        ['no currency', { ...order, userCurrency: '' }, 'INVALID_ARGUMENT'],
        ['no address', { ...order, address: undefined }, 'INVALID_ARGUMENT'],
        ['no card', { ...order, creditCard: undefined }, 'INVALID_ARGUMENT'],
        ['no email', { ...order, email: 'nobody' }, 'INVALID_ARGUMENT'],
        ['an empty cart', order, 'FAILED_PRECONDITION'],
      ],
    },
  }),
  bad({
    service: AdService,
    program: 'adservice',
    methods: { getAds: [['categories that nobody has', { contextKeys: ['', 'constructor'] }, 'OK']] },
  }),
];

const cases = all.flatMap(({ service, program, methods }) =>
  Object.entries(methods).flatMap(([method, requests]) =>
    requests.map(([what, request, due]) => ({
      name: `${service.name}.${method}`,
      what,
      service,
      program,
      method,
      request,
      due,
    })),
  ),
);
const methods = all.flatMap(({ service, program }) =>
  service.methods.map((method) => ({ name: `${service.name}.${method.name}`, program, method })),
);

describe('bad input', () => {
  it('is tried on every method of the contract', () => {
    const tried = all.flatMap(({ service, methods: each }) =>
      Object.keys(each).map((method) => `${service.name}.${method}`),
    );
    const known = contract.services.flatMap((service) =>
      service.methods.map(({ localName }) => `${service.name}.${localName}`),
    );
    expect(tried.sort()).toEqual(known.sort());
  });

  it.each(cases)(
    'gets its status: $name with $what is $due',
    async ({ service, program, method, request, due }) => {
      const client = connect(service, { address: shop.address(program), log });
      try {
        const call = (client as unknown as Record<string, (request: unknown) => Promise<unknown>>)[method];
        const outcome = await call?.(request).then(
          () => 'OK',
          (error: { codeName: string }) => error.codeName,
        );
        expect(outcome).toBe(due);
      } finally {
        client.close();
      }
    },
  );

  it.each(methods)(
    'that is no message at all is refused by $name, which goes on answering',
    async ({ program, method }) => {
      const send = openRaw(shop.address(program));
      try {
        // An unfinished field: no message of any kind.
        expect(await send(method, Buffer.from('0a7f', 'hex'))).toBe('INTERNAL');
        await fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
            const answers = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'FAILED_PRECONDITION', 'INTERNAL'];
            expect(answers).toContain(await send(method, Buffer.from(bytes)));
          }),
          { numRuns: 30 },
        );
        expect(['OK', 'INVALID_ARGUMENT']).toContain(await send(method, Buffer.alloc(0)));
      } finally {
        send.close();
      }
    },
  );

  it('has broken no handler and ended no program', () => {
    expect(lines.filter((line) => line.includes('a handler failed unexpectedly'))).toEqual([]);
    expect(shop.ended()).toEqual([]);
  });
});

/** Sends whatever bytes it is given, and answers with the status that came back. */
function openRaw(address: string) {
  const client = new Client(address, credentials.createInsecure());
  const send = (method: DescMethod, bytes: Buffer) =>
    new Promise<string>((resolve) => {
      client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (it: Buffer) => it,
        (it) => it,
        bytes,
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null) => resolve(error === null ? 'OK' : (status[error.code] ?? '?')),
      );
    });
  return Object.assign(send, { close: () => client.close() });
}
