import { type Amount, display } from '../../money/money.ts';
import type { Ad, Product } from '../../wire/generated/hipstershop/shop_pb.js';
import { type Html, html } from '../html.ts';
import { advertisement } from './advertisement.ts';
import { type Frame, layout } from './layout.ts';
import { type PricedProduct, productGrid } from './product-grid.ts';

export interface ProductView {
  readonly product: Product;
  readonly price: Amount;
  readonly recommended: readonly PricedProduct[];
  readonly ads: readonly Ad[] | undefined;
}

export const QUANTITIES = [1, 2, 3, 4, 5, 10] as const;

export function productPage(frame: Frame, { product, price, recommended, ads }: ProductView): Html {
  return layout(
    frame,
    product.name,
    html`<article class="product">
  <img class="product-picture" src="${frame.files.address(product.picture)}" alt="Drawing: ${product.name}" width="400" height="400">
  <div class="product-text">
    <p class="crumbs"><a href="/">Everything</a>${product.categories.map(
      (category) => html` / <a href="/search?q=${encodeURIComponent(category)}">${category}</a>`,
    )}</p>
    <h1>${product.name}</h1>
    <p class="price">${display(price)}</p>
    <p class="description">${product.description}</p>
    <form class="buy" method="post" action="/cart">
      <input type="hidden" name="product_id" value="${product.id}">
      <label for="quantity">Quantity</label>
      <select id="quantity" name="quantity">${QUANTITIES.map((count) => html`<option>${count}</option>`)}</select>
      <button class="primary" type="submit">Add to cart</button>
    </form>
  </div>
</article>
${advertisement(ads, frame.path)}
${
  recommended.length > 0 &&
  html`<section aria-labelledby="also"><h2 id="also">You may also like</h2>
${productGrid(recommended, frame.files, 'grid grid-small')}
</section>`
}`,
  );
}
