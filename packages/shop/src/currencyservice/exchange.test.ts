import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExchange } from './exchange.ts';
import rates from './rates.json' with { type: 'json' };

const exchange = createExchange(rates);
const aCurrency = fc.constantFrom(...exchange.currencies);
const somePrice = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });

describe('the exchange', () => {
  it('converts with exact decimals, rounding once at the ninth', () => {
    // 19.99 / 1.1305 × 126.40 = 2235.060592658116…
    expect(exchange.convert({ currency: 'USD', nanos: 19_990_000_000n }, 'JPY')).toEqual({
      currency: 'JPY',
      nanos: 2_235_060_592_658n,
    });
    expect(exchange.convert({ currency: 'EUR', nanos: 1_000_000_000n }, 'GBP').nanos).toBe(859_700_000n);
  });

  it('leaves an amount in its own currency as it is', () => {
    fc.assert(
      fc.property(aCurrency, somePrice, (currency, nanos) => {
        expect(exchange.convert({ currency, nanos }, currency)).toEqual({ currency, nanos });
      }),
    );
  });

  it('treats debts as it treats credits', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, somePrice, (from, to, nanos) => {
        const there = exchange.convert({ currency: from, nanos }, to).nanos;
        expect(exchange.convert({ currency: from, nanos: -nanos }, to).nanos).toBe(-there);
      }),
    );
  });

  it('never turns a smaller amount into a larger one than a larger amount', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, somePrice, somePrice, (from, to, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const converted = (nanos: bigint) => exchange.convert({ currency: from, nanos }, to).nanos;
        expect(converted(low) <= converted(high)).toBe(true);
      }),
    );
  });

  it('comes back to where it started, up to the rounding of the dearer currency', () => {
    fc.assert(
      fc.property(aCurrency, aCurrency, somePrice, (from, to, nanos) => {
        const back = exchange.convert(exchange.convert({ currency: from, nanos }, to), from).nanos;
        const off = back > nanos ? back - nanos : nanos - back;
        // One nano of `to` is worth this many nanos of `from`; half of it was rounded away, and half a nano after.
        const worth = Number(rates[from as keyof typeof rates]) / Number(rates[to as keyof typeof rates]);
        expect(Number(off)).toBeLessThanOrEqual(Math.ceil(worth / 2 + 0.5));
      }),
    );
  });

  it('refuses currencies without a rate, on either end', () => {
    expect(() => exchange.convert({ currency: 'USD', nanos: 1n }, 'XXX')).toThrow(
      'currency "XXX" is not supported',
    );
    expect(() => exchange.convert({ currency: 'XXX', nanos: 1n }, 'USD')).toThrow(
      'currency "XXX" is not supported',
    );
  });

  it('refuses a table with a rate that is not a decimal number, or is zero', () => {
    expect(() => createExchange({ USD: '1,13' })).toThrow('the rate of USD is "1,13"');
    expect(() => createExchange({ USD: '0.0' })).toThrow('the rate of USD is zero');
  });
});
