import { status } from '@grpc/grpc-js';
import { isEmailAddress } from '../emailservice/email-address.ts';
import { type Amount, amount, payable, sum, times, type WireMoney, wireMoney } from '../money/money.ts';
import { failedPrecondition, invalidArgument, isOutage, RpcError } from '../rpc/rpc-error.ts';
import type {
  Address,
  CartItem,
  CreditCardInfo,
  OrderResult,
  PlaceOrderRequest,
} from '../wire/generated/hipstershop/shop_pb.js';

export interface PricedItem {
  readonly item: Pick<CartItem, 'productId' | 'quantity'>;
  /** Of one piece. */
  readonly cost: WireMoney;
}

/** Everything that an order says, short of being a wire message. */
export type Order = Pick<OrderResult, 'orderId' | 'shippingTrackingId'> & {
  readonly shippingCost: WireMoney;
  readonly shippingAddress: Address;
  readonly items: readonly PricedItem[];
};

/** What an order needs from the rest of the shop. Each function rejects with RpcError. */
export interface OrderSteps {
  cart(userId: string): Promise<readonly CartItem[]>;
  /** The price of one piece in US dollars. */
  price(productId: string): Promise<WireMoney | undefined>;
  shippingQuote(address: Address, items: readonly CartItem[]): Promise<WireMoney | undefined>;
  convert(from: WireMoney, toCurrency: string): Promise<WireMoney>;
  charge(amount: WireMoney, card: CreditCardInfo): Promise<string>;
  ship(address: Address, items: readonly CartItem[]): Promise<string>;
  emptyCart(userId: string): Promise<void>;
  confirm(email: string, order: Order): Promise<void>;
  newOrderId(): string;
  /** A step failed that does not undo the order. */
  onLeftUndone(step: 'empty cart' | 'confirmation mail', error: unknown): void;
}

/**
 * Places the order for everything in the customer's cart: prices, charges, ships, empties the cart, sends the mail.
 * Before the charge any failure leaves nothing behind. After it, a failed shipment is told with the transaction; a
 * failed mail or a cart that stays full doesn't undo the order.
 * @throws RpcError INVALID_ARGUMENT or FAILED_PRECONDITION for the customer to mend, UNAVAILABLE when a part of the
 * shop is away
 */
export async function placeOrder(request: PlaceOrderRequest, steps: OrderSteps): Promise<Order> {
  const { userId, userCurrency, address, email, creditCard } = request;
  if (userId === '') throw invalidArgument('user_id is empty');
  if (address === undefined) throw invalidArgument('address is missing');
  if (creditCard === undefined) throw invalidArgument('credit_card is missing');
  if (!isEmailAddress(email)) throw invalidArgument(`"${email}" is not an email address`);
  if (!/^[A-Z]{3}$/.test(userCurrency)) {
    throw invalidArgument(`user_currency is "${userCurrency}": expected three capital letters, e.g. USD`);
  }
  const items = await step('The cart', steps.cart(userId));
  if (items.length === 0) throw failedPrecondition('The cart is empty.');

  const inCurrency = async (usd: WireMoney | undefined): Promise<Amount> => {
    const dollars = amount(usd);
    return dollars.currency === userCurrency
      ? dollars
      : payable(amount(await step('Currency conversion', steps.convert(wireMoney(dollars), userCurrency))));
  };
  const [prices, shippingCost] = await Promise.all([
    Promise.all(
      items.map(async ({ productId }) => inCurrency(await step('The catalog', priceOf(steps, productId)))),
    ),
    step('Shipping', steps.shippingQuote(address, items)).then(inCurrency),
  ]);
  const priced = items.map((item, index) => ({
    item,
    cost: prices[index] ?? { currency: userCurrency, nanos: 0n },
  }));
  const total = sum(userCurrency, [
    ...priced.map(({ item, cost }) => times(cost, item.quantity)),
    shippingCost,
  ]);

  const transactionId = await steps.charge(wireMoney(total), creditCard).catch((error: unknown) => {
    // A call that was cut off may have been carried out: only the payment's own refusals say that nothing happened.
    if (!isOutage(error)) throw error;
    throw new RpcError(
      status.UNAVAILABLE,
      `Payment does not answer; it is not known whether the card was charged. (${messageOf(error)})`,
    );
  });
  const shippingTrackingId = await steps.ship(address, items).catch((error: unknown) => {
    throw new RpcError(
      isOutage(error) ? status.UNAVAILABLE : status.INTERNAL,
      `The card was charged (transaction ${transactionId}), but shipping failed: ${messageOf(error)}`,
    );
  });
  const order: Order = {
    orderId: steps.newOrderId(),
    shippingTrackingId,
    shippingCost: wireMoney(shippingCost),
    shippingAddress: address,
    items: priced.map(({ item: { productId, quantity }, cost }) => ({
      item: { productId, quantity },
      cost: wireMoney(cost),
    })),
  };
  await Promise.all([
    steps.emptyCart(userId).catch((error: unknown) => steps.onLeftUndone('empty cart', error)),
    steps.confirm(email, order).catch((error: unknown) => steps.onLeftUndone('confirmation mail', error)),
  ]);
  return order;
}

async function priceOf(steps: OrderSteps, productId: string): Promise<WireMoney | undefined> {
  try {
    return await steps.price(productId);
  } catch (error) {
    if (error instanceof RpcError && error.code === status.NOT_FOUND) {
      throw failedPrecondition(`Product "${productId}" in the cart is no longer sold.`);
    }
    throw error;
  }
}

/** Names the part of the shop that is away; leaves what the customer can mend as the part said it. */
async function step<T>(name: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (isOutage(error)) {
      throw new RpcError(
        status.UNAVAILABLE,
        `${name} does not answer; nothing was charged. (${messageOf(error)})`,
      );
    }
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
