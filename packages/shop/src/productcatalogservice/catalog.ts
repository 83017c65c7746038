import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { amount } from '../money/money.ts';
import { invalidArgument, notFound } from '../rpc/rpc-error.ts';
import { ListProductsResponseSchema, type Product } from '../wire/generated/hipstershop/shop_pb.js';

/** The products, in the order in which the shop shows them. */
export interface Catalog {
  readonly products: readonly Product[];
  /** @throws RpcError NOT_FOUND, or INVALID_ARGUMENT for an empty id */
  get(id: string): Product;
  /** Products with every word of the query in their name, description or categories; best matches (names) first. */
  search(query: string): readonly Product[];
}

/** Reads a catalog in the JSON form of ListProductsResponse. Throws when a product is incomplete or listed twice. */
export function readCatalog(json: JsonValue): Catalog {
  const { products } = fromJson(ListProductsResponseSchema, json);
  const byId = new Map<string, Product>();
  for (const product of products) {
    if (product.id === '' || product.name === '') throw new Error('a product has no id or no name');
    if (byId.has(product.id)) throw new Error(`product ${product.id} is listed twice`);
    amount(product.priceUsd, `the price of ${product.id}`);
    byId.set(product.id, product);
  }
  return {
    products,
    get(id) {
      if (id === '') throw invalidArgument('id is empty: give the id of a product');
      const product = byId.get(id);
      if (product === undefined) throw notFound(`no product with id "${id}"`);
      return product;
    },
    search(query) {
      const words = query
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== '');
      if (words.length === 0) return [];
      const matches = products.filter((product) => {
        const text = `${product.name} ${product.description} ${product.categories.join(' ')}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      const inName = (product: Product): boolean =>
        words.every((word) => product.name.toLowerCase().includes(word));
      return [...matches.filter(inName), ...matches.filter((product) => !inName(product))];
    },
  };
}
