import type { Amount } from '../money/money.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';

/** Converts between currencies, exactly up to one rounding at the ninth decimal. */
export interface Exchange {
  /** ISO codes, in alphabetical order. */
  readonly currencies: readonly string[];
  /** @throws RpcError INVALID_ARGUMENT for a currency without a rate */
  convert(from: Amount, to: string): Amount;
}

/** A rate as a fraction of whole numbers: no floating point takes part in a price. */
interface Rate {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** An exchange from a table of decimal rates, each the price of one and the same thing (say, a euro) in that currency. */
export function createExchange(table: Readonly<Record<string, string>>): Exchange {
  const rates = new Map(Object.entries(table).map(([code, text]) => [code, readRate(code, text)]));
  const rateOf = (code: string): Rate => {
    const rate = rates.get(code);
    if (rate === undefined) throw invalidArgument(`currency "${code}" is not supported`);
    return rate;
  };
  return {
    currencies: [...rates.keys()].sort(),
    convert(from, to) {
      const source = rateOf(from.currency);
      const target = rateOf(to);
      if (from.currency === to) return from;
      return {
        currency: to,
        nanos: divideRounded(
          from.nanos * target.numerator * source.denominator,
          target.denominator * source.numerator,
        ),
      };
    },
  };
}

function readRate(code: string, text: string): Rate {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new Error(`the rate of ${code} is "${text}": expected a decimal number`);
  const decimals = match[2] ?? '';
  const numerator = BigInt(`${match[1]}${decimals}`);
  if (numerator === 0n) throw new Error(`the rate of ${code} is zero`);
  return { numerator, denominator: 10n ** BigInt(decimals.length) };
}

/** Rounds half away from zero; `denominator` is positive. */
function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const quotient = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -quotient : quotient;
}
