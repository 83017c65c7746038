import { amount, display, sum, times } from '../../money/money.ts';
import type { OrderResult } from '../../wire/generated/hipstershop/shop_pb.js';
import { type Html, html } from '../html.ts';
import { type Frame, layout } from './layout.ts';
import { type PricedProduct, productGrid } from './product-grid.ts';

/** `nameOf` answers with a product's name, or its id while the catalog is away. */
export function orderPage(
  frame: Frame,
  {
    order,
    email,
    nameOf,
    recommended,
  }: {
    order: OrderResult;
    email: string;
    nameOf: (productId: string) => string;
    recommended: readonly PricedProduct[];
  },
): Html {
  const shipping = amount(order.shippingCost, 'the shipping cost');
  const lines = order.items.map(({ item, cost }) => {
    const quantity = item?.quantity ?? 0;
    return { name: nameOf(item?.productId ?? ''), quantity, cost: times(amount(cost, 'the cost'), quantity) };
  });
  const total = sum(shipping.currency, [...lines.map(({ cost }) => cost), shipping]);
  return layout(
    frame,
    'Thank you',
    html`<section class="order">
<h1>Thank you. It&rsquo;s on its way.</h1>
<p>A confirmation goes to <strong>${email}</strong>.</p>
<dl class="facts">
  <div><dt>Order</dt><dd id="order-id">${order.orderId}</dd></div>
  <div><dt>Tracking</dt><dd id="tracking-id">${order.shippingTrackingId}</dd></div>
</dl>
<ul class="order-lines">${lines.map(
      ({ name, quantity, cost }) =>
        html`<li><span>${quantity} &times; ${name}</span><span>${display(cost)}</span></li>`,
    )}
<li><span>Shipping</span><span>${display(shipping)}</span></li>
<li class="total"><span>Paid</span><span id="total-paid">${display(total)}</span></li></ul>
<p><a class="primary" href="/">Keep looking around</a></p>
</section>
${
  recommended.length > 0 &&
  html`<section aria-labelledby="also"><h2 id="also">You may also like</h2>
${productGrid(recommended, frame.files, 'grid grid-small')}</section>`
}`,
  );
}
