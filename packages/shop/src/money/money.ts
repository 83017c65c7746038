import type { MessageInitShape } from '@bufbuild/protobuf';
import { invalidArgument } from '../rpc/rpc-error.ts';
import type { MoneySchema } from '../wire/generated/hipstershop/shop_pb.js';

/**
 * An exact amount of one currency, as a whole number of nanos (billionths of a unit).
 * On the wire it is split into units and nanos; arithmetic on one number cannot get carries and signs wrong.
 */
export interface Amount {
  readonly currency: string;
  readonly nanos: bigint;
}

export const NANOS_PER_UNIT = 1_000_000_000n;
const MAX_UNITS = 2n ** 63n - 1n;

/** The wire's form of Money, as read or as given. */
export interface WireMoney {
  readonly currencyCode: string;
  readonly units: bigint;
  readonly nanos: number;
}

/**
 * Reads an amount off the wire.
 * @throws RpcError INVALID_ARGUMENT when it is missing, has no currency, or its units and nanos contradict each other
 */
export function amount(wire: WireMoney | undefined, what = 'the amount'): Amount {
  if (wire === undefined) throw invalidArgument(`${what} is missing`);
  const { currencyCode, units, nanos } = wire;
  if (!/^[A-Z]{3}$/.test(currencyCode)) {
    throw invalidArgument(`${what} has currency "${currencyCode}": expected three capital letters, e.g. USD`);
  }
  if (Math.abs(nanos) >= Number(NANOS_PER_UNIT)) {
    throw invalidArgument(`${what} has nanos ${nanos}: expected -999999999 to 999999999`);
  }
  if ((units > 0n && nanos < 0) || (units < 0n && nanos > 0)) {
    throw invalidArgument(`${what} has units ${units} and nanos ${nanos}: both must have the same sign`);
  }
  return { currency: currencyCode, nanos: units * NANOS_PER_UNIT + BigInt(nanos) };
}

/**
 * Writes an amount for the wire.
 * @throws RpcError INVALID_ARGUMENT when it has more units than 64 bits can hold
 */
export function wireMoney({ currency, nanos }: Amount): WireMoney & MessageInitShape<typeof MoneySchema> {
  const units = nanos / NANOS_PER_UNIT;
  if (units > MAX_UNITS || units < -MAX_UNITS) {
    throw invalidArgument(`an amount of ${units} ${currency} is too large`);
  }
  return { currencyCode: currency, units, nanos: Number(nanos % NANOS_PER_UNIT) };
}

/** The sum of amounts of one currency; nothing at all sums to zero. Mixed currencies are a mistake of the program. */
export function sum(currency: string, amounts: readonly Amount[]): Amount {
  let nanos = 0n;
  for (const each of amounts) {
    if (each.currency !== currency) throw new Error(`cannot add ${each.currency} to ${currency}`);
    nanos += each.nanos;
  }
  return { currency, nanos };
}

/** So many times the amount; `count` is a whole number. */
export function times(each: Amount, count: number): Amount {
  return { currency: each.currency, nanos: each.nanos * BigInt(count) };
}

/**
 * The nearest amount that can be paid in its currency (whole cents, whole yen), half away from zero. Prices are rounded
 * before they are multiplied and added, so that a bill adds up for whoever checks it.
 */
export function payable({ currency, nanos }: Amount): Amount {
  const decimals = formatter(currency).resolvedOptions().maximumFractionDigits ?? 2;
  const smallest = NANOS_PER_UNIT / 10n ** BigInt(decimals);
  const magnitude = nanos < 0n ? -nanos : nanos;
  const rounded = ((2n * magnitude + smallest) / (2n * smallest)) * smallest;
  return { currency, nanos: nanos < 0n ? -rounded : rounded };
}

/** Exact decimal digits of the amount, e.g. `-12.345`; at least two decimals. */
export function decimal({ nanos }: Amount): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  const units = magnitude / NANOS_PER_UNIT;
  const fraction = (magnitude % NANOS_PER_UNIT)
    .toString()
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  return `${nanos < 0n ? '-' : ''}${units}.${fraction}`;
}

/** The amount as people read it, rounded to the currency's own number of decimals, e.g. `$1,234.50` or `¥1,235`. */
export function display(each: Amount): string {
  return formatter(each.currency).format(decimal(each) as `${number}`);
}

/** Making one is slow, and each takes memory: those of the few currencies in use are kept, not of all that anybody sends. */
const MOST_FORMATTERS = 100;
const formatters = new Map<string, Intl.NumberFormat>();

function formatter(currency: string): Intl.NumberFormat {
  let format = formatters.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    if (formatters.size < MOST_FORMATTERS) formatters.set(currency, format);
  }
  return format;
}
