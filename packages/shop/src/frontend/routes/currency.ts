import { setCookie } from '../http/cookies.ts';
import { BadRequest } from '../http/form.ts';
import { type Reply, seeOther } from '../http/reply.ts';
import type { Ingredients } from '../ingredients.ts';
import { COOKIES_KEPT_SECONDS, CURRENCY_COOKIE } from '../visit.ts';

/** Remembers the currency and goes back to the page where it was chosen. */
export async function switchCurrency(from: Ingredients, form: URLSearchParams): Promise<Reply> {
  const code = form.get('currency_code') ?? '';
  if (!/^[A-Z]{3}$/.test(code)) throw new BadRequest('That is not a currency.');
  const known = await from.currencies();
  if (known.length > 0 && !known.includes(code)) throw new BadRequest(`We don’t have prices in ${code}.`);
  const back = form.get('return_to') ?? '/';
  const withinTheShop = /^\/(?![/\\])/.test(back);
  return seeOther(withinTheShop ? back : '/', {
    'set-cookie': [setCookie(CURRENCY_COOKIE, code, COOKIES_KEPT_SECONDS)],
  });
}
