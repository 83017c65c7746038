import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RpcError } from '../rpc/rpc-error.ts';
import { type Amount, amount, decimal, display, payable, sum, times, wireMoney } from './money.ts';

const MAX_NANOS = (2n ** 63n - 1n) * 1_000_000_000n + 999_999_999n;
const anAmount: fc.Arbitrary<Amount> = fc
  .bigInt({ min: -MAX_NANOS, max: MAX_NANOS })
  .map((nanos) => ({ currency: 'USD', nanos }));

const usd = (units: bigint, nanos = 0) => ({ currencyCode: 'USD', units, nanos });

describe('an amount of money', () => {
  it('survives the wire whatever it is', () => {
    fc.assert(
      fc.property(anAmount, (any) => {
        expect(amount(wireMoney(any))).toEqual(any);
      }),
    );
  });

  it('is written with units and nanos of one sign and less than a unit of nanos', () => {
    fc.assert(
      fc.property(anAmount, (any) => {
        const { units, nanos } = wireMoney(any);
        expect(Math.abs(nanos)).toBeLessThan(1_000_000_000);
        expect(units > 0n ? nanos >= 0 : units < 0n ? nanos <= 0 : true).toBe(true);
      }),
    );
  });

  it('sums in any order and any grouping to the same', () => {
    fc.assert(
      fc.property(fc.array(anAmount, { maxLength: 20 }), fc.nat(20), (all, cut) => {
        const halves = [sum('USD', all.slice(0, cut)), sum('USD', all.slice(cut))];
        expect(sum('USD', halves)).toEqual(sum('USD', [...all].reverse()));
      }),
    );
  });

  it('times a count is the sum of so many', () => {
    fc.assert(
      fc.property(anAmount, fc.nat(50), (each, count) => {
        expect(times(each, count)).toEqual(
          sum(
            'USD',
            Array.from({ length: count }, () => each),
          ),
        );
      }),
    );
  });

  it('carries from nanos to units', () => {
    const total = sum('USD', [amount(usd(19n, 990_000_000)), amount(usd(0n, 20_000_000))]);
    expect(wireMoney(total)).toEqual(usd(20n, 10_000_000));
  });

  it('is rounded to what can be paid in its currency, half away from zero', () => {
    const rounded = (currency: string, nanos: bigint) => payable({ currency, nanos }).nanos;
    expect(rounded('EUR', 47_766_475_011n)).toBe(47_770_000_000n);
    expect(rounded('EUR', 1_005_000_000n)).toBe(1_010_000_000n);
    expect(rounded('EUR', -1_005_000_000n)).toBe(-1_010_000_000n);
    expect(rounded('JPY', 2_235_499_999_999n)).toBe(2_235_000_000_000n);
  });

  it('adds up as shown once it is payable, however many are bought', () => {
    fc.assert(
      fc.property(anAmount, fc.nat(99), (any, count) => {
        const shown = BigInt(decimal(payable(any)).replace('.', ''));
        expect(BigInt(decimal(times(payable(any), count)).replace('.', ''))).toBe(shown * BigInt(count));
      }),
    );
  });

  it.each([
    ['nothing at all', undefined, 'the amount is missing'],
    ['no currency', { ...usd(1n), currencyCode: '' }, 'currency ""'],
    ['a currency in small letters', { ...usd(1n), currencyCode: 'usd' }, 'currency "usd"'],
    ['a whole unit of nanos', usd(1n, 1_000_000_000), 'nanos 1000000000'],
    ['units and nanos of different signs', usd(1n, -1), 'same sign'],
    ['negative units and positive nanos', usd(-1n, 1), 'same sign'],
  ])('refuses %s as the caller’s mistake', (_what, wire, message) => {
    expect(() => amount(wire)).toThrow(RpcError);
    expect(() => amount(wire)).toThrow(message);
  });

  it('refuses to add different currencies', () => {
    expect(() => sum('USD', [{ currency: 'EUR', nanos: 1n }])).toThrow('cannot add EUR to USD');
  });

  it('refuses to write more units than the wire can hold', () => {
    expect(() => wireMoney({ currency: 'USD', nanos: MAX_NANOS + 1n })).toThrow('too large');
  });

  it.each([
    [0n, '0.00'],
    [19_990_000_000n, '19.99'],
    [5_000_000n, '0.005'],
    [-1_500_000_000n, '-1.50'],
    [1n, '0.000000001'],
  ])('of %s nanos is %s in digits', (nanos, text) => {
    expect(decimal({ currency: 'USD', nanos })).toBe(text);
  });

  it('is shown in the way of its currency, exactly even where a float would not be', () => {
    expect(display({ currency: 'USD', nanos: 1_234_500_000_000n })).toBe('$1,234.50');
    expect(display({ currency: 'JPY', nanos: 1_234_500_000_000n })).toBe('¥1,235');
    expect(display({ currency: 'EUR', nanos: 9_007_199_254_740_993_010_000_000n })).toBe(
      '€9,007,199,254,740,993.01',
    );
  });
});
