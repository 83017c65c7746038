import { status } from '@grpc/grpc-js';
import { createClient } from '@redis/client';
import type { Log } from '../process/log.ts';
import { RpcError } from '../rpc/rpc-error.ts';
import { type CartStore, MAX_QUANTITY } from './cart-store.ts';

const KEPT_FOR_SECONDS = 48 * 60 * 60;
const MAX_RECONNECT_DELAY_MS = 500;

/**
 * Carts in Redis: one hash for each customer, product id → quantity, forgotten two days after the last change.
 * Reconnects by itself; until then every call is refused at once instead of queueing up.
 */
export function redisCartStore(address: string, log: Log): CartStore {
  const client = createClient({
    url: `redis://${address}`,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    socket: {
      connectTimeout: 2000,
      reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, MAX_RECONNECT_DELAY_MS),
    },
  });
  let away = false;
  client.on('error', (error: Error) => {
    if (!away) log.warning(`redis at ${address} does not answer`, { error: error.message });
    away = true;
  });
  client.on('ready', () => {
    if (away) log.info(`redis at ${address} answers again`);
    away = false;
  });
  // Only rejects once the client is closed; until then it goes on trying, and its errors arrive above.
  client
    .connect()
    .catch((error: unknown) => log.debug('redis connection given up', { error: String(error) }));

  const reached = async <T>(command: Promise<T>): Promise<T> => {
    try {
      return await command;
    } catch (error) {
      throw new RpcError(
        status.UNAVAILABLE,
        `carts cannot be reached: ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  const key = (userId: string): string => `cart:${userId}`;
  return {
    async add(userId, { productId, quantity }) {
      await reached(
        client.multi().hIncrBy(key(userId), productId, quantity).expire(key(userId), KEPT_FOR_SECONDS).exec(),
      );
    },
    async read(userId) {
      const quantities = await reached(client.hGetAll(key(userId)));
      return Object.entries(quantities).map(([productId, quantity]) => ({
        productId,
        quantity: Math.min(Number(quantity), MAX_QUANTITY),
      }));
    },
    async empty(userId) {
      await reached(client.del(key(userId)));
    },
    async close() {
      client.destroy();
    },
  };
}
