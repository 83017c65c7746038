import type { Ad } from '../../wire/generated/hipstershop/shop_pb.js';
import { type Html, html } from '../html.ts';

/** One advertisement, or nothing. Only addresses within the shop are linked to. */
export function advertisement(ads: readonly Ad[] | undefined): Html | undefined {
  const ad = ads?.[0];
  if (ad === undefined || !ad.redirectUrl.startsWith('/') || ad.redirectUrl.startsWith('//'))
    return undefined;
  return html`<aside class="ad" aria-label="Advertisement"><span>Ad</span> <a href="${ad.redirectUrl}">${ad.text}</a></aside>`;
}
