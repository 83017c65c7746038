import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { WireMoney } from '../money/money.ts';
import { notFound, RpcError } from '../rpc/rpc-error.ts';
import {
  AddressSchema,
  CartItemSchema,
  CreditCardInfoSchema,
  PlaceOrderRequestSchema,
} from '../wire/generated/hipstershop/shop_pb.js';
import { type OrderSteps, placeOrder } from './place-order.ts';

const away = () => Promise.reject(new RpcError(status.UNAVAILABLE, 'connection refused'));
const usd = (units: bigint, nanos: number): WireMoney => ({ currencyCode: 'USD', units, nanos });

function request(change: MessageInitShape<typeof PlaceOrderRequestSchema> = {}) {
  return create(PlaceOrderRequestSchema, {
    userId: 'u',
    userCurrency: 'USD',
    email: 'a@b',
    address: create(AddressSchema, { city: 'Portland' }),
    creditCard: create(CreditCardInfoSchema, { creditCardNumber: '4111' }),
    ...change,
  });
}

/** A shop where everything works, with what was done to it, in order. */
function shop(change: Partial<OrderSteps> = {}) {
  const done: string[] = [];
  const steps: OrderSteps = {
    cart: async () => [
      create(CartItemSchema, { productId: 'MUG', quantity: 2 }),
      create(CartItemSchema, { productId: 'JAR', quantity: 1 }),
    ],
    price: async (id) => (id === 'MUG' ? usd(8n, 990_000_000) : usd(5n, 490_000_000)),
    shippingQuote: async () => usd(4n, 990_000_000),
    convert: async (from, toCode) => ({ currencyCode: toCode, units: from.units * 2n, nanos: 0 }),
    charge: async (amount) => {
      done.push(`charge ${amount.units}.${amount.nanos} ${amount.currencyCode}`);
      return 't-1';
    },
    ship: async () => {
      done.push('ship');
      return 'OB-1';
    },
    emptyCart: async () => void done.push('empty cart'),
    confirm: async (email) => void done.push(`mail ${email}`),
    newOrderId: () => 'o-1',
    onLeftUndone: (step) => done.push(`left undone: ${step}`),
    ...change,
  };
  return { done, steps };
}

async function failure(change: Partial<OrderSteps>, asked = request()) {
  const { done, steps } = shop(change);
  const error = await placeOrder(asked, steps).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${error}`);
  return { code: error.codeName, message: error.message, done };
}

describe('an order', () => {
  it('charges what everything costs with shipping, ships, empties the cart and sends the mail', async () => {
    const { done, steps } = shop();
    const order = await placeOrder(request(), steps);
    expect(done).toEqual(['charge 28.460000000 USD', 'ship', 'empty cart', 'mail a@b']);
    expect(order).toMatchObject({
      orderId: 'o-1',
      shippingTrackingId: 'OB-1',
      shippingCost: usd(4n, 990_000_000),
      items: [
        { item: { productId: 'MUG', quantity: 2 }, cost: usd(8n, 990_000_000) },
        { item: { productId: 'JAR', quantity: 1 }, cost: usd(5n, 490_000_000) },
      ],
    });
  });

  it('converts every price, and each before it is multiplied', async () => {
    const { done, steps } = shop();
    await placeOrder(request({ userCurrency: 'EUR' }), steps);
    expect(done[0]).toBe('charge 50.0 EUR');
  });

  it('charges converted prices in whole cents, so that the bill adds up', async () => {
    const { done, steps } = shop({
      cart: async () => [create(CartItemSchema, { productId: 'LAMP', quantity: 2 })],
      convert: async (_from, toCode) => ({ currencyCode: toCode, units: 47n, nanos: 766_475_011 }),
    });
    await placeOrder(request({ userCurrency: 'EUR' }), steps);
    expect(done[0]).toBe('charge 143.310000000 EUR');
  });

  it('goes through when only the mail or the emptying of the cart fails, and says so', async () => {
    const { done, steps } = shop({ confirm: away, emptyCart: away });
    await placeOrder(request(), steps);
    expect(done.slice(2).sort()).toEqual(['left undone: confirmation mail', 'left undone: empty cart']);
  });

  it.each([
    ['no customer', { userId: '' }, 'user_id'],
    ['no address', { address: undefined }, 'address is missing'],
    ['no card', { creditCard: undefined }, 'credit_card is missing'],
    ['no currency', { userCurrency: '' }, 'user_currency is ""'],
  ])('with %s is refused before anything is asked', async (_what, change, message) => {
    const refused = await failure(
      { cart: () => Promise.reject(new Error('asked')) },
      request(change as object),
    );
    expect(refused.code).toBe('INVALID_ARGUMENT');
    expect(refused.message).toContain(message);
  });

  it('of an empty cart is refused', async () => {
    expect(await failure({ cart: async () => [] })).toMatchObject({ code: 'FAILED_PRECONDITION', done: [] });
  });

  it('of something that is no longer sold names it, and charges nothing', async () => {
    const refused = await failure({ price: () => Promise.reject(notFound('no product')) });
    expect(refused).toMatchObject({ code: 'FAILED_PRECONDITION', done: [] });
    expect(refused.message).toContain('Product "MUG" in the cart is no longer sold.');
  });

  it.each([
    ['The cart', { cart: away }],
    ['The catalog', { price: away }],
    ['Shipping', { shippingQuote: away }],
    ['Currency conversion', { convert: away }],
  ] as const)('while “%s” is away fails, names it, and charges nothing', async (name, change) => {
    const failed = await failure(change, request({ userCurrency: 'EUR' }));
    expect(failed).toMatchObject({ code: 'UNAVAILABLE', done: [] });
    expect(failed.message).toContain(`${name} does not answer; nothing was charged.`);
  });

  it('while payment is away does not claim to know whether the card was charged', async () => {
    const failed = await failure({ charge: away });
    expect(failed).toMatchObject({ code: 'UNAVAILABLE', done: [] });
    expect(failed.message).toContain('not known whether the card was charged');
  });

  it('with a refused card says why, in the words of the payment service', async () => {
    const refused = () => Promise.reject(new RpcError(status.INVALID_ARGUMENT, 'The card has expired.'));
    expect(await failure({ charge: refused })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'The card has expired.',
      done: [],
    });
  });

  it('that was charged but cannot be shipped says so, with the transaction, and keeps the cart', async () => {
    const failed = await failure({ ship: away });
    expect(failed.code).toBe('UNAVAILABLE');
    expect(failed.message).toContain('The card was charged (transaction t-1), but shipping failed');
    expect(failed.done).toEqual(['charge 28.460000000 USD']);
  });
});
