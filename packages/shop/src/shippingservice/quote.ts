import { type Amount, NANOS_PER_UNIT } from '../money/money.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';

const CENT = NANOS_PER_UNIT / 100n;
const PARCEL = 499n * CENT;
const EACH_FURTHER_PIECE = 50n * CENT;
const AT_MOST = 1999n * CENT;

interface Item {
  readonly productId: string;
  readonly quantity: number;
}

/**
 * What shipping costs in US dollars: nothing for nothing, else a parcel and a little for each further piece.
 * @throws RpcError INVALID_ARGUMENT for a negative quantity
 */
export function quote(items: readonly Item[]): Amount {
  const pieces = items.reduce((count, { productId, quantity }) => {
    if (quantity < 0) throw invalidArgument(`cannot ship ${quantity} of product "${productId}"`);
    return count + quantity;
  }, 0);
  if (pieces === 0) return { currency: 'USD', nanos: 0n };
  const cost = PARCEL + EACH_FURTHER_PIECE * BigInt(pieces - 1);
  return { currency: 'USD', nanos: cost > AT_MOST ? AT_MOST : cost };
}
