import { type Amount, display } from '../../money/money.ts';
import { type Html, html } from '../html.ts';
import type { StaticFiles } from '../http/static-files.ts';

export interface PricedProduct {
  readonly id: string;
  readonly name: string;
  readonly picture: string;
  readonly price: Amount;
}

export function productGrid(
  products: readonly PricedProduct[],
  files: StaticFiles,
  className = 'grid',
): Html {
  return html`<ul class="${className}">${products.map(
    ({ id, name, picture, price }) => html`
  <li><a class="tile" href="/product/${encodeURIComponent(id)}">
    <img src="${files.address(picture)}" alt="" width="400" height="400" loading="lazy">
    <span class="tile-name">${name}</span>
    <span class="tile-price">${display(price)}</span>
  </a></li>`,
  )}
</ul>`;
}
