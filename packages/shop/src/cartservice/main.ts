import { listenAddress, run } from '../process/program.ts';
import { invalidArgument } from '../rpc/rpc-error.ts';
import { serve } from '../rpc/server.ts';
import { CartService } from '../wire/generated/hipstershop/shop_pb.js';
import { memoryCartStore } from './memory-cart-store.ts';
import { redisCartStore } from './redis-cart-store.ts';

run('cartservice', async ({ env, log }) => {
  const redis = env.optional('REDIS_ADDR');
  if (redis === undefined) log.warning('REDIS_ADDR is not set: carts are kept in memory and lost on restart');
  const store = redis === undefined ? memoryCartStore() : redisCartStore(env.address('REDIS_ADDR'), log);
  const user = (userId: string): string => {
    if (userId === '') throw invalidArgument('user_id is empty');
    return userId;
  };
  const server = await serve(
    CartService,
    {
      async addItem({ userId, item }) {
        if (item === undefined || item.productId === '') throw invalidArgument('item.product_id is empty');
        if (item.quantity < 1) throw invalidArgument(`item.quantity is ${item.quantity}: expected 1 or more`);
        await store.add(user(userId), { productId: item.productId, quantity: item.quantity });
        return {};
      },
      async getCart({ userId }) {
        return { userId, items: [...(await store.read(user(userId)))] };
      },
      async emptyCart({ userId }) {
        await store.empty(user(userId));
        return {};
      },
    },
    { address: listenAddress(env, 7070), log },
  );
  return {
    async stop(graceMs) {
      await server.stop(graceMs);
      await store.close();
    },
  };
});
