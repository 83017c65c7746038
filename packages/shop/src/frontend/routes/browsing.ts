import { amount, wireMoney } from '../../money/money.ts';
import { json, page, type Reply } from '../http/reply.ts';
import type { Ingredients } from '../ingredients.ts';
import { homePage } from '../pages/home-page.ts';
import { messagePage } from '../pages/message-page.ts';
import { productPage } from '../pages/product-page.ts';
import { searchPage } from '../pages/search-page.ts';
import { withoutCatalog } from './unavailable.ts';

export async function home(from: Ingredients): Promise<Reply> {
  const [frame, ads, products] = await Promise.all([
    from.frame('/'),
    from.ads([]),
    from.products().then((list) => list && from.priced(list)),
  ]);
  return products === undefined ? withoutCatalog(frame) : page(200, homePage(frame, products, ads));
}

export async function search(from: Ingredients, query: string): Promise<Reply> {
  const [frame, products] = await Promise.all([
    from.frame(`/search?q=${encodeURIComponent(query)}`),
    from.found(query).then((list) => list && from.priced(list)),
  ]);
  return products === undefined ? withoutCatalog(frame) : page(200, searchPage(frame, query, products));
}

export async function product(from: Ingredients, id: string): Promise<Reply> {
  // One list has the product and what is recommended beside it.
  const all = from.products();
  const details = all.then(async (list) => {
    if (list === undefined) return undefined;
    const it = list.find((each) => each.id === id);
    if (it === undefined) return 'no such product';
    const [ads, price] = await Promise.all([from.ads(it.categories), from.price(it.priceUsd)]);
    return { product: it, ads, price };
  });
  const [frame, view, recommended] = await Promise.all([
    from.frame(`/product/${encodeURIComponent(id)}`),
    details,
    from.recommended([id], all),
  ]);
  if (view === undefined) return withoutCatalog(frame);
  if (view === 'no such product') {
    const paragraphs = ['Perhaps we never did. It may also be sold out for good.'];
    return page(404, messagePage(frame, { title: 'We don’t have that', paragraphs }));
  }
  return page(200, productPage(frame, { ...view, recommended }));
}

/** The product list as JSON, with the copy of the catalog that gave it. */
export async function productList(from: Ingredients): Promise<Reply> {
  const products = await from.products();
  if (products === undefined) return json(503, { error: 'the product catalog does not answer' });
  return json(200, {
    servedBy: from.visit.servedBy,
    products: products.map(({ id, name, description, picture, categories, priceUsd }) => {
      const { currencyCode, units, nanos } = wireMoney(amount(priceUsd));
      return {
        id,
        name,
        description,
        picture,
        categories,
        priceUsd: { currencyCode, units: String(units), nanos },
      };
    }),
  });
}
