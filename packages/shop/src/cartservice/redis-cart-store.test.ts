import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../process/log.ts';
import { RpcError } from '../rpc/rpc-error.ts';
import type { CartStore } from './cart-store.ts';
import { redisCartStore } from './redis-cart-store.ts';

const closing: (() => unknown)[] = [];
const lines: string[] = [];
const log = createLog({ service: 'test', level: 'info', write: (line) => lines.push(line) });

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  lines.length = 0;
});

function open(port: number): CartStore {
  const store = redisCartStore(`127.0.0.1:${port}`, log);
  closing.push(() => store.close());
  return store;
}

/** The answer, once the store gives one; its refusals until then must all be UNAVAILABLE. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      expect(error).toBeInstanceOf(RpcError);
      expect((error as RpcError).codeName).toBe('UNAVAILABLE');
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A Redis that accepts connections, knows no command, and can be cut off. */
async function startDeafServer(): Promise<{ server: Server; port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  closing.push(cut);
  return { server, port: (server.address() as AddressInfo).port, cut };
}

describe('carts in a Redis that is away', () => {
  it('are refused as UNAVAILABLE instead of waiting, with one log line however many ask', async () => {
    const { port, cut } = await startDeafServer();
    cut();
    const store = open(port);
    for (let call = 0; call < 5; call += 1) {
      await expect(store.read('u')).rejects.toSatisfy(
        (error) => error instanceof RpcError && error.codeName === 'UNAVAILABLE',
      );
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(lines.filter((line) => line.includes('does not answer'))).toHaveLength(1);
  });
});

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

describe.runIf(hasRedis)('carts in a real Redis', () => {
  async function startRedis(folder: string, port: number): Promise<ChildProcess> {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
    ];
    const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    closing.push(() => redis.kill('SIGKILL'));
    for await (const chunk of redis.stdout ?? []) if (String(chunk).includes('Ready to accept')) break;
    return redis;
  }

  it('add up, are emptied, and survive a restart of Redis', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carts-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const { port, cut } = await startDeafServer();
    cut();
    const redis = await startRedis(folder, port);
    const store = open(port);
    await eventually(() => store.add('u', { productId: 'MUG', quantity: 2 }));
    await store.add('u', { productId: 'MUG', quantity: 1 });
    await store.add('u', { productId: 'JAR', quantity: 1 });
    await store.add('v', { productId: 'JAR', quantity: 1 });
    await store.empty('v');
    redis.kill('SIGTERM');
    await once(redis, 'exit');
    await expect(store.read('u')).rejects.toBeInstanceOf(RpcError);
    await startRedis(folder, port);
    expect(await eventually(() => store.read('u'))).toEqual([
      { productId: 'MUG', quantity: 3 },
      { productId: 'JAR', quantity: 1 },
    ]);
    expect(await store.read('v')).toEqual([]);
    expect(lines.filter((line) => line.includes('answers again'))).toHaveLength(1);
  });
});
