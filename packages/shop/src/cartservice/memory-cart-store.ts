import { type CartLine, type CartStore, MAX_QUANTITY } from './cart-store.ts';

/** Carts in this process's memory, the least recently used given up beyond `capacity`. For trying the shop out. */
export function memoryCartStore(capacity = 10_000): CartStore {
  const carts = new Map<string, Map<string, number>>();
  return {
    async add(userId, { productId, quantity }) {
      const cart = carts.get(userId) ?? new Map<string, number>();
      cart.set(productId, Math.min((cart.get(productId) ?? 0) + quantity, MAX_QUANTITY));
      carts.delete(userId);
      carts.set(userId, cart);
      const oldest = carts.keys().next().value;
      if (carts.size > capacity && oldest !== undefined) carts.delete(oldest);
    },
    async read(userId): Promise<CartLine[]> {
      return [...(carts.get(userId) ?? [])].map(([productId, quantity]) => ({ productId, quantity }));
    },
    async empty(userId) {
      carts.delete(userId);
    },
    async close() {},
  };
}
