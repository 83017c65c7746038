import type { MessageInitShape } from '@bufbuild/protobuf';
import { isOutage, RpcError } from '../../rpc/rpc-error.ts';
import type { OrderResult, PlaceOrderRequestSchema } from '../../wire/generated/hipstershop/shop_pb.js';
import { BadRequest } from '../http/form.ts';
import { page, type Reply } from '../http/reply.ts';
import type { Ingredients } from '../ingredients.ts';
import { orderPage } from '../pages/order-page.ts';
import type { Visit } from '../visit.ts';
import { cart } from './cart.ts';
import { notDone } from './unavailable.ts';

/**
 * Places the order for the cart, once. Answers 200 with the thanks, 422 with the form again when the customer can mend
 * it, and 503 with what the checkout knows when it can't be.
 */
export async function placeOrder(from: Ingredients, form: URLSearchParams): Promise<Reply> {
  let placed: { order: OrderResult; email: string };
  try {
    const request = readOrder(form, from.visit);
    const { message } = await from.counted(from.backends.checkout.placeOrder(request, from.visit.context));
    if (message.order === undefined) throw new Error('checkout answered without an order');
    placed = { order: message.order, email: request.email };
  } catch (error) {
    return notPlaced(from, form, error);
  }
  return thanks(from, placed.order, placed.email);
}

async function notPlaced(from: Ingredients, form: URLSearchParams, error: unknown): Promise<Reply> {
  if (error instanceof BadRequest) return cart(from, { form, because: error.message });
  if (!(error instanceof RpcError)) throw error;
  if (error.codeName === 'INVALID_ARGUMENT' || error.codeName === 'FAILED_PRECONDITION') {
    return cart(from, { form, because: error.message });
  }
  from.visit.missing.add('checkout');
  const what = isOutage(error)
    ? 'A part of the shop that orders need does not answer right now.'
    : 'Something went wrong on our side.';
  return notDone(await from.frame('/cart'), {
    title: 'Your order could not be placed',
    paragraphs: [what, error.message],
    tryAgain: '/cart',
  });
}

async function thanks(from: Ingredients, order: OrderResult, email: string): Promise<Reply> {
  const ids = order.items.map(({ item }) => item?.productId ?? '');
  const all = from.products();
  const [frame, products, recommended] = await Promise.all([
    from.frame('/', Promise.resolve([])),
    all,
    from.recommended(ids, all),
  ]);
  const nameOf = (id: string): string => products?.find((product) => product.id === id)?.name ?? id;
  return page(200, orderPage(frame, { order, email, nameOf, recommended }));
}

/** Throws {@link BadRequest} for a form that is not filled in. */
function readOrder(form: URLSearchParams, visit: Visit) {
  return {
    userId: visit.sessionId,
    userCurrency: visit.currency,
    email: text(form, 'email'),
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
      creditCardExpirationYear: wholeNumber(form, 'credit_card_expiration_year', 'The year of expiry'),
      creditCardExpirationMonth: wholeNumber(form, 'credit_card_expiration_month', 'The month of expiry'),
    },
  } satisfies MessageInitShape<typeof PlaceOrderRequestSchema>;
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
