import { describe, expect, it } from 'vitest';
import { MAX_QUANTITY } from './cart-store.ts';
import { memoryCartStore } from './memory-cart-store.ts';

describe('carts in memory', () => {
  it('add up the same product and keep customers apart', async () => {
    const store = memoryCartStore();
    await store.add('a', { productId: 'MUG', quantity: 2 });
    await store.add('a', { productId: 'MUG', quantity: 3 });
    await store.add('b', { productId: 'JAR', quantity: 1 });
    expect(await store.read('a')).toEqual([{ productId: 'MUG', quantity: 5 }]);
    expect(await store.read('b')).toEqual([{ productId: 'JAR', quantity: 1 }]);
    expect(await store.read('c')).toEqual([]);
  });

  it('are empty after being emptied, again and again', async () => {
    const store = memoryCartStore();
    await store.add('a', { productId: 'MUG', quantity: 2 });
    await store.empty('a');
    await store.empty('a');
    expect(await store.read('a')).toEqual([]);
  });

  it('never hold more of a product than the wire can say', async () => {
    const store = memoryCartStore();
    await store.add('a', { productId: 'MUG', quantity: MAX_QUANTITY });
    await store.add('a', { productId: 'MUG', quantity: 1 });
    expect(await store.read('a')).toEqual([{ productId: 'MUG', quantity: MAX_QUANTITY }]);
  });

  it('give up the cart that was changed longest ago when there are too many', async () => {
    const store = memoryCartStore(2);
    for (const user of ['a', 'b', 'a', 'c']) await store.add(user, { productId: 'MUG', quantity: 1 });
    expect(await store.read('b')).toEqual([]);
    expect(await store.read('a')).not.toEqual([]);
  });
});
