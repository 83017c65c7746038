import { describe, expect, it } from 'vitest';
import products from '../productcatalogservice/products.json' with { type: 'json' };
import ads from './ads.json' with { type: 'json' };
import { choose } from './choose.ts';

const first = () => 0;

describe('advertisements', () => {
  it('come from the categories asked for, one each', () => {
    const chosen = choose(ads, ['kitchen', 'footwear', 'kitchen'], first);
    expect(chosen).toEqual([ads.kitchen[0], ads.footwear[0]]);
  });

  it('come from any category when none asked for has one', () => {
    expect(choose(ads, [], first)).toHaveLength(1);
    expect(choose(ads, ['unheard-of', 'constructor'], () => 0.999)).toHaveLength(1);
  });

  it('lead to products that exist', () => {
    const pages = products.products.map(({ id }) => `/product/${id}`);
    for (const ad of Object.values(ads).flat()) expect(pages).toContain(ad.redirectUrl);
  });
});
