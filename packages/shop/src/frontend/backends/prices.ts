import { type Amount, amount, payable, type WireMoney, wireMoney } from '../../money/money.ts';
import { orMissing, type Visit } from '../visit.ts';
import type { Backends } from './backends.ts';

const KEPT_MS = 60_000;
const MOST_KEPT = 2000;

/** Prices in the customer's currency. */
export interface Prices {
  /** The currencies to choose from; none when the currency service was never reached. */
  currencies(visit: Visit): Promise<readonly string[]>;
  /** In the customer's currency and payable, or as given, with `currency` noted as missing, when it can't be converted now. */
  inCurrencyOf(visit: Visit, price: WireMoney | undefined): Promise<Amount>;
}

/** Asks the currency service once a minute for each price, because every customer sees the same prices. */
export function createPrices({ currency }: Pick<Backends, 'currency'>, now: () => number = Date.now): Prices {
  let list: { codes: readonly string[]; until: number } | undefined;
  const converted = new Map<string, { amount: Amount; until: number }>();
  return {
    async currencies(visit) {
      if (list !== undefined && list.until > now()) return list.codes;
      const answer = await orMissing(visit, 'currency', currency.getSupportedCurrencies({}, visit.context));
      if (answer === undefined) return list?.codes ?? [];
      list = { codes: answer.message.currencyCodes, until: now() + KEPT_MS };
      return list.codes;
    },
    async inCurrencyOf(visit, price) {
      const given = amount(price, 'the price');
      if (given.currency === visit.currency) return given;
      const key = `${given.currency} ${given.nanos} ${visit.currency}`;
      const kept = converted.get(key);
      if (kept !== undefined && kept.until > now()) return kept.amount;
      const answer = await orMissing(
        visit,
        'currency',
        currency.convert({ from: wireMoney(given), toCode: visit.currency }, visit.context),
      );
      if (answer === undefined) return given;
      const result = payable(amount(answer.message));
      const oldest = converted.keys().next().value;
      if (converted.size >= MOST_KEPT && oldest !== undefined) converted.delete(oldest);
      converted.set(key, { amount: result, until: now() + KEPT_MS });
      return result;
    },
  };
}
