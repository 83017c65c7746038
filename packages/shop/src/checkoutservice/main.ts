import { randomUUID } from 'node:crypto';
import { catalogCaller } from '../catalog-calls/catalog-caller.ts';
import { CATALOG_CALLS_HEADER, CatalogTally } from '../catalog-calls/tally.ts';
import { listenAddress, run } from '../process/program.ts';
import { type CallContext, connect } from '../rpc/client.ts';
import { serve } from '../rpc/server.ts';
import {
  CartService,
  CheckoutService,
  CurrencyService,
  EmailService,
  PaymentService,
  ShippingService,
} from '../wire/generated/hipstershop/shop_pb.js';
import { type OrderSteps, placeOrder } from './place-order.ts';

run('checkoutservice', async ({ env, log }) => {
  const catalog = catalogCaller({
    address: env.address('PRODUCT_CATALOG_SERVICE_ADDR'),
    cluster: env.text('CLUSTER', 'unknown'),
    log,
  });
  const cart = connect(CartService, { address: env.address('CART_SERVICE_ADDR'), log });
  const currency = connect(CurrencyService, { address: env.address('CURRENCY_SERVICE_ADDR'), log });
  const shipping = connect(ShippingService, { address: env.address('SHIPPING_SERVICE_ADDR'), log });
  const payment = connect(PaymentService, { address: env.address('PAYMENT_SERVICE_ADDR'), log });
  const email = connect(EmailService, { address: env.address('EMAIL_SERVICE_ADDR'), log });

  const stepsOf = (call: CallContext, tally: CatalogTally): OrderSteps => {
    // Once the card is charged the order goes through, even if the customer has hung up: no deadline, no cancelling.
    const afterCharge: CallContext = { propagated: call.propagated };
    return {
      cart: async (userId) => (await cart.getCart({ userId }, call)).message.items,
      price: async (id) => (await catalog.get(id, { ...call, tally })).priceUsd,
      shippingQuote: async (address, items) =>
        (await shipping.getQuote({ address, items: [...items] }, call)).message.costUsd,
      convert: async (from, toCode) => (await currency.convert({ from, toCode }, call)).message,
      charge: async (amount, creditCard) =>
        (await payment.charge({ amount, creditCard }, call)).message.transactionId,
      ship: async (address, items) =>
        (await shipping.shipOrder({ address, items: [...items] }, afterCharge)).message.trackingId,
      emptyCart: async (userId) => void (await cart.emptyCart({ userId }, afterCharge)),
      confirm: async (to, order) =>
        void (await email.sendOrderConfirmation(
          { email: to, order: { ...order, items: [...order.items] } },
          afterCharge,
        )),
      newOrderId: randomUUID,
      onLeftUndone: (step, error) =>
        log.warning(`an order went through without: ${step}`, { error: String(error) }),
    };
  };
  const server = await serve(
    CheckoutService,
    {
      async placeOrder(request, call) {
        const tally = new CatalogTally();
        try {
          const order = await placeOrder(request, stepsOf(call, tally));
          return { order: { ...order, items: [...order.items] } };
        } finally {
          call.answerWith(CATALOG_CALLS_HEADER, tally.toString());
        }
      },
    },
    { address: listenAddress(env, 5050), log },
  );
  return {
    async stop(graceMs) {
      await server.stop(graceMs);
      for (const client of [catalog, cart, currency, shipping, payment, email]) client.close();
    },
  };
});
