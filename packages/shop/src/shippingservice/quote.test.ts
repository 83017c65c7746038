import { describe, expect, it } from 'vitest';
import { decimal } from '../money/money.ts';
import { quote } from './quote.ts';

const pieces = (quantity: number) => [{ productId: 'A', quantity }];

describe('a shipping quote', () => {
  it.each([
    [0, '0.00'],
    [1, '4.99'],
    [2, '5.49'],
    [31, '19.99'],
    [1_000_000, '19.99'],
  ])('for %s pieces is $%s', (quantity, cost) => {
    expect(decimal(quote(pieces(quantity)))).toBe(cost);
  });

  it('counts pieces over all products', () => {
    expect(quote([...pieces(1), ...pieces(1)])).toEqual(quote(pieces(2)));
  });

  it('refuses to ship less than nothing', () => {
    expect(() => quote(pieces(-1))).toThrow('cannot ship -1 of product "A"');
  });
});
