import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { amount } from '../money/money.ts';
import { readCatalog } from './catalog.ts';
import products from './products.json' with { type: 'json' };

const catalog = readCatalog(products);

describe('the catalog', () => {
  it('has a price, a category and a drawing for each of its products', () => {
    expect(catalog.products.length).toBe(12);
    for (const product of catalog.products) {
      expect(amount(product.priceUsd).nanos).toBeGreaterThan(0n);
      expect(product.categories.length).toBeGreaterThan(0);
      expect(existsSync(new URL(`../frontend${product.picture}`, import.meta.url)), product.picture).toBe(
        true,
      );
    }
  });

  it('finds a product by its id', () => {
    expect(catalog.get('6E92ZMYYFZ').name).toBe('Mug');
  });

  it('says which product it does not have', () => {
    expect(() => catalog.get('NOPE')).toThrow('no product with id "NOPE"');
    expect(() => catalog.get('')).toThrow('id is empty');
  });

  it('searches names, descriptions and categories without regard to case, and puts names first', () => {
    const names = (query: string) => catalog.search(query).map((product) => product.name);
    expect(names('JAR')).toEqual(['Bamboo Glass Jar']);
    expect(names('glass')).toEqual(['Sunglasses', 'Bamboo Glass Jar']);
    expect(names('lamp')).toEqual(['Desk Lamp']);
    expect(names('towel')).toEqual(['Linen Apron']);
    expect(names('footwear')).toEqual(['Loafers']);
    expect(names('kitchen mustard')).toEqual(['Mug']);
    expect(names('zebra')).toEqual([]);
  });

  it('finds nothing for a search for nothing', () => {
    expect(catalog.search('  ')).toEqual([]);
  });

  it('refuses a file with a product twice, without a price or without a name', () => {
    const [mug] = products.products;
    expect(() => readCatalog({ products: [mug, mug] } as never)).toThrow('listed twice');
    expect(() => readCatalog({ products: [{ ...mug, priceUsd: null }] } as never)).toThrow('the price of');
    expect(() => readCatalog({ products: [{ ...mug, name: '' }] } as never)).toThrow('no name');
  });
});
