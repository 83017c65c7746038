import { once } from 'node:events';
import { expect, test } from 'vitest';
import { together } from './material.ts';

const never = () => new AbortController().signal;

test('two pieces of work go on beside each other and both are given', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const both = together(
    never(),
    async () => {
      await promise;
      return 'parts';
    },
    async () => {
      resolve();
      return 'root';
    },
  );
  expect(await both).toEqual(['parts', 'root']);
});

test('when one fails the other is told to end, and the failure is told when it has', async () => {
  let ended = false;
  const slow = async (signal: AbortSignal) => {
    await once(signal, 'abort');
    await new Promise((resolve) => setTimeout(resolve, 10));
    ended = true;
    throw new Error('ended half-way');
  };
  const broken = async () => {
    throw new Error('no disk');
  };
  for (const both of [together(never(), slow, broken), together(never(), broken, slow)]) {
    await expect(both).rejects.toThrow('no disk');
    expect(ended).toBe(true);
    ended = false;
  }
});

test('an interruption reaches both', async () => {
  const interrupted = new AbortController();
  const waiting = async (signal: AbortSignal) => {
    await once(signal, 'abort');
    signal.throwIfAborted();
  };
  const both = together(interrupted.signal, waiting, waiting);
  interrupted.abort(new Error('Ctrl-C'));
  await expect(both).rejects.toThrow('Ctrl-C');
});
