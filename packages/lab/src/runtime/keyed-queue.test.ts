import { expect, it } from 'vitest';
import { KeyedQueue } from './keyed-queue.ts';

it('tasks of one key run one after the other, and of two keys at once', async () => {
  const queue = new KeyedQueue();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const a1 = queue.run('a', async () => {
    await first.promise;
    log.push('a1');
  });
  const a2 = queue.run('a', async () => log.push('a2'));
  await queue.run('b', async () => log.push('b1'));
  expect(log).toEqual(['b1']);
  first.resolve();
  await Promise.all([a1, a2]);
  expect(log).toEqual(['b1', 'a1', 'a2']);
});

it('a task that fails does not stop the next one', async () => {
  const queue = new KeyedQueue();
  const failing = queue.run('a', () => Promise.reject(new Error('first')));
  const next = queue.run('a', async () => 'second');
  await expect(failing).rejects.toThrow('first');
  expect(await next).toBe('second');
});
