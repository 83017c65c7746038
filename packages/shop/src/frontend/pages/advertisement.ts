import type { Ad } from '../../wire/generated/hipstershop/shop_pb.js';
import { type Html, html } from '../html.ts';

/** One advertisement, or nothing. Only other pages of the shop than `page`, where it is shown, are linked to. */
export function advertisement(ads: readonly Ad[] | undefined, page: string): Html | undefined {
  const ad = ads?.find(({ redirectUrl }) => /^\/(?!\/)/.test(redirectUrl) && redirectUrl !== page);
  if (ad === undefined) return undefined;
  return html`<aside class="ad" aria-label="Advertisement"><span>Ad</span> <a href="${ad.redirectUrl}">${ad.text}</a></aside>`;
}
