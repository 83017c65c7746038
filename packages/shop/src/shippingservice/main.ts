import { randomInt } from 'node:crypto';
import { wireMoney } from '../money/money.ts';
import { listenAddress, run } from '../process/program.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';
import { serve } from '../rpc/server.ts';
import { ShippingService } from '../wire/generated/hipstershop/shop_pb.js';
import { quote } from './quote.ts';

/** No letters or digits that are easily mistaken for each other: people read these numbers out on the phone. */
const TRACKING_ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';

run('shippingservice', ({ env, log }) =>
  serve(
    ShippingService,
    {
      getQuote: ({ items }) => ({ costUsd: wireMoney(quote(items)) }),
      shipOrder({ address, items }) {
        if (address === undefined) throw invalidArgument('address is missing: nowhere to ship to');
        if (items.length === 0) throw invalidArgument('items is empty: nothing to ship');
        quote(items);
        return { trackingId: trackingId() };
      },
    },
    { address: listenAddress(env, 50051), log },
  ),
);

function trackingId(): string {
  const digits = Array.from({ length: 12 }, () => TRACKING_ALPHABET[randomInt(TRACKING_ALPHABET.length)]);
  return `OB-${digits.slice(0, 4).join('')}-${digits.slice(4, 8).join('')}-${digits.slice(8).join('')}`;
}
