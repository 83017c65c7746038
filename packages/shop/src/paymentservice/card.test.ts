import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accept, type Card } from './card.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const GOOD: Card = { number: '4111 1111 1111 1111', cvv: 123, expirationYear: 2027, expirationMonth: 1 };

describe('a card', () => {
  it('is accepted with spaces and hyphens, and told apart by its first digits', () => {
    expect(accept(GOOD, NOW)).toEqual({ type: 'VISA', lastDigits: '1111' });
    expect(accept({ ...GOOD, number: '5555-5555-5555-4444' }, NOW).type).toBe('Mastercard');
    expect(accept({ ...GOOD, number: '2223003122003222' }, NOW).type).toBe('Mastercard');
  });

  it('is refused when any one digit is wrong', () => {
    const digits = '4111111111111111';
    fc.assert(
      fc.property(fc.nat(15), fc.integer({ min: 1, max: 9 }), (at, by) => {
        const wrong = `${digits.slice(0, at)}${(Number(digits[at]) + by) % 10}${digits.slice(at + 1)}`;
        expect(() => accept({ ...GOOD, number: wrong }, NOW)).toThrow('typing mistake');
      }),
    );
  });

  it.each([
    ['another brand', { number: '378282246310005' }, 'Only VISA and Mastercard'],
    ['too few digits', { number: '41111111' }, '12 to 19 digits'],
    ['letters', { number: '4111-abcd-1111-1111' }, '12 to 19 digits'],
    ['a VISA number of 13 digits', { number: '4222222222222' }, 'A VISA number has 16 digits.'],
    ['a security code of four digits', { cvv: 1234 }, 'security code'],
    ['a negative security code', { cvv: -1 }, 'security code'],
    ['a thirteenth month', { expirationMonth: 13 }, 'month of expiry'],
    ['no month', { expirationMonth: 0 }, 'month of expiry'],
    ['an expired one', { expirationYear: 2026, expirationMonth: 10 }, 'ending in 1111 expired in 10/2026'],
  ])('is refused with %s', (_what, change, message) => {
    expect(() => accept({ ...GOOD, ...change }, NOW)).toThrow(message);
  });

  it('is good until the end of the month that it names', () => {
    expect(() => accept({ ...GOOD, expirationYear: 2026, expirationMonth: 11 }, NOW)).not.toThrow();
  });

  it('is never repeated in full in a refusal', () => {
    for (const number of ['4111111111111112', '378282246310005', '41111111']) {
      try {
        accept({ ...GOOD, number }, NOW);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).not.toContain(number);
      }
    }
  });
});
