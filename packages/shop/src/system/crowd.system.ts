import { Agent, get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShopOnLoopback } from '../local/shop-on-loopback.ts';

let shop: ShopOnLoopback;

beforeAll(async () => {
  shop = await ShopOnLoopback.open();
});
afterAll(() => shop?.close());

describe('a crowd that comes in all at once', () => {
  it('waits in line, and does not bring the frontend down', async () => {
    const agent = new Agent({ keepAlive: true });
    const look = (path: string) =>
      new Promise<string>((resolve) => {
        const request = get(`${shop.url('frontend')}${path}`, { agent }, (response) => {
          response.resume().on('end', () => resolve(`${response.statusCode}`));
        });
        request.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code}`));
      });
    const seen = new Set(
      await Promise.all(
        Array.from({ length: 300 }, (_, customer) => look(customer % 2 === 0 ? '/' : '/product/6E92ZMYYFZ')),
      ),
    );
    agent.destroy();
    expect(shop.ended()).toEqual([]);
    // 503 is a page that a machine with too much else to do could not make in time.
    expect([...seen].filter((it) => it !== '503')).toEqual(['200']);
  });
});
