import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ShopOnLoopback } from '../local/shop-on-loopback.ts';

describe('the shop on loopback', () => {
  it('leaves no program behind when one of them cannot start, also none that was only about to', async () => {
    const before = await children();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    // The first to be started: others are still on their way when it ends.
    const settings = { productcatalogservice: { PORT: String(port) } };
    await expect(ShopOnLoopback.open({ settings })).rejects.toThrow('productcatalogservice ended with 1');
    expect(await children()).toEqual(before);
    taken.close();
  });
});

/** Process ids of this process's children. */
async function children(): Promise<string[]> {
  const ids = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  return ids.split(' ').filter((it) => it !== '');
}
