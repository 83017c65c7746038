import { invalidArgument } from '../rpc/rpc-error.ts';

export interface Card {
  /** Digits; spaces and hyphens between them are fine. */
  readonly number: string;
  readonly cvv: number;
  readonly expirationYear: number;
  /** 1 to 12. The card is good until the end of this month. */
  readonly expirationMonth: number;
}

/** What may be said about a charged card afterwards. */
export interface AcceptedCard {
  readonly type: 'VISA' | 'Mastercard';
  readonly lastDigits: string;
}

/**
 * Accepts a card or throws RpcError INVALID_ARGUMENT, with a message that can be shown to the customer and never
 * holds more of the number than its last four digits.
 */
export function accept(card: Card, now: Date): AcceptedCard {
  const digits = card.number.replace(/[\s-]/g, '');
  if (!/^\d{12,19}$/.test(digits)) throw invalidArgument('The card number must have 12 to 19 digits.');
  if (!luhn(digits)) throw invalidArgument('The card number has a typing mistake.');
  const type = typeOf(digits);
  if (type === undefined) throw invalidArgument('Only VISA and Mastercard are accepted.');
  if (digits.length !== 16) throw invalidArgument(`A ${type} number has 16 digits.`);
  const { cvv, expirationYear, expirationMonth } = card;
  if (cvv < 0 || cvv > 999) throw invalidArgument('The security code must have three digits.');
  if (expirationMonth < 1 || expirationMonth > 12) {
    throw invalidArgument('The month of expiry must be a number from 1 to 12.');
  }
  const monthsLeft = (expirationYear - now.getUTCFullYear()) * 12 + (expirationMonth - 1 - now.getUTCMonth());
  const lastDigits = digits.slice(-4);
  if (monthsLeft < 0) {
    throw invalidArgument(
      `The card ending in ${lastDigits} expired in ${expirationMonth}/${expirationYear}.`,
    );
  }
  return { type, lastDigits };
}

/** The checksum that catches any one wrong digit and most swapped ones. */
function luhn(digits: string): boolean {
  let sum = 0;
  for (let fromRight = 0; fromRight < digits.length; fromRight += 1) {
    const digit = Number(digits[digits.length - 1 - fromRight]);
    const doubled = fromRight % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function typeOf(digits: string): AcceptedCard['type'] | undefined {
  if (digits.startsWith('4')) return 'VISA';
  const start = Number(digits.slice(0, 4));
  const isMastercard = (start >= 5100 && start <= 5599) || (start >= 2221 && start <= 2720);
  return isMastercard ? 'Mastercard' : undefined;
}
