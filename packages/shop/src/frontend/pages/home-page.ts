import type { Ad } from '../../wire/generated/hipstershop/shop_pb.js';
import { type Html, html } from '../html.ts';
import { advertisement } from './advertisement.ts';
import { type Frame, layout } from './layout.ts';
import { type PricedProduct, productGrid } from './product-grid.ts';

export function homePage(
  frame: Frame,
  products: readonly PricedProduct[],
  ads: readonly Ad[] | undefined,
): Html {
  return layout(
    frame,
    'Things worth keeping',
    html`<section class="hero">
  <h1>Things worth keeping</h1>
  <p>A small shop with a dozen well-made things, and no thirteenth that we wouldn&rsquo;t use ourselves.</p>
</section>
${advertisement(ads, frame.path)}
<section aria-labelledby="all"><h2 id="all">Everything we sell</h2>
${productGrid(products, frame.files)}
</section>`,
  );
}
