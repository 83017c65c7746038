import { type Html, html } from '../html.ts';
import { type Frame, layout } from './layout.ts';
import { type PricedProduct, productGrid } from './product-grid.ts';

export function searchPage(frame: Frame, query: string, products: readonly PricedProduct[]): Html {
  const found = products.length === 1 ? 'One thing' : `${products.length} things`;
  return layout(
    { ...frame, searched: query },
    `Search for ${query}`,
    products.length === 0
      ? html`<section class="message"><h1>Nothing for &ldquo;${query}&rdquo;</h1>
<p>Try fewer letters or another word, or <a href="/">look at everything</a>: it&rsquo;s only a dozen things.</p></section>`
      : html`<h1 class="page-title">${found} for &ldquo;${query}&rdquo;</h1>${productGrid(products, frame.files)}`,
  );
}
