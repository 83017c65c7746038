import { amount, display, sum, times } from '../money/money.ts';
import type { OrderResult } from '../wire/generated/hipstershop/shop_pb.js';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

/** The mail that confirms an order. Throws RpcError INVALID_ARGUMENT when the order's amounts make no sense. */
export function confirmation(to: string, order: OrderResult): Mail {
  const shipping = amount(order.shippingCost, 'the shipping cost');
  const lines = order.items.map(({ item, cost }) => {
    const quantity = item?.quantity ?? 0;
    const each = amount(cost, `the cost of product ${item?.productId ?? '?'}`);
    return {
      text: `${quantity} × ${item?.productId ?? '?'} at ${display(each)}`,
      cost: times(each, quantity),
    };
  });
  const total = sum(shipping.currency, [...lines.map(({ cost }) => cost), shipping]);
  const address = order.shippingAddress;
  return {
    to,
    subject: `Your order ${order.orderId}`,
    text: [
      'Thank you for your order.',
      '',
      ...lines.map(({ text }) => text),
      `Shipping ${display(shipping)}`,
      `Total ${display(total)}`,
      '',
      `It goes to: ${[address?.streetAddress, address?.city, address?.state, address?.country].filter(Boolean).join(', ')}`,
      `Follow it with the number ${order.shippingTrackingId}.`,
      '',
    ].join('\n'),
  };
}
