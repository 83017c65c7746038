import { Agent, get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShopOnLoopback } from '../local/shop-on-loopback.ts';

let shop: ShopOnLoopback;
let toldThatItStops: () => void;
/** Resolves when the frontend says that it stops. */
const stopping = new Promise<void>((resolve) => {
  toldThatItStops = resolve;
});

beforeAll(async () => {
  shop = await ShopOnLoopback.open({
    onLine: (line) => {
      const { service, message } = JSON.parse(line) as { service: string; message: string };
      if (service === 'frontend' && message === 'stopping') toldThatItStops();
    },
  });
});
afterAll(() => shop?.close());

describe('a program stopped in good order', () => {
  it('answers a request that comes while it stops, on a connection that was idle, as the last one there', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const look = () =>
      new Promise<{ status: number | undefined; connection: string | undefined; port: number | undefined }>(
        (resolve, reject) => {
          const request = get(shop.url('frontend'), { agent }, (response) => {
            const port = request.socket?.localPort;
            response
              .resume()
              .on('end', () =>
                resolve({ status: response.statusCode, connection: response.headers.connection, port }),
              );
          });
          request.on('error', reject);
        },
      );
    const before = await look();
    expect(before).toMatchObject({ status: 200, connection: 'keep-alive' });
    const stopped = shop.stop('frontend', 'SIGTERM');
    await stopping;
    expect(await look()).toEqual({ ...before, connection: 'close' });
    expect(await stopped).toBe(0);
    await expect(look()).rejects.toThrow('ECONNREFUSED');
    agent.destroy();
  });

  it('ends by itself, well before its grace of 8 s is over, and says so with its exit code', async () => {
    for (const program of shop.programs) {
      const asked = performance.now();
      expect(await shop.stop(program, 'SIGTERM'), program).toBe(0);
      expect(performance.now() - asked, program).toBeLessThan(7_000);
    }
  });
});
