import { expect, it } from 'vitest';
import { FakeClock } from './fake.ts';

it('stands still until it is advanced', async () => {
  const clock = new FakeClock(1_000);
  let woken = false;
  const waiting = clock.wait(100).then(() => {
    woken = true;
  });
  await clock.advance(99);
  expect([woken, clock.now(), clock.waiting]).toEqual([false, 1_099, 1]);
  await clock.advance(1);
  await waiting;
  expect([woken, clock.now(), clock.waiting]).toEqual([true, 1_100, 0]);
});

it('ends each wait at its own time, in order, also those that begin meanwhile', async () => {
  const clock = new FakeClock(0);
  const log: string[] = [];
  const tick = async (name: string, ms: number, times: number) => {
    for (let i = 0; i < times; i += 1) {
      await clock.wait(ms);
      log.push(`${name}@${clock.now()}`);
    }
  };
  const all = Promise.all([tick('a', 30, 3), tick('b', 50, 1)]);
  await clock.advance(100);
  await all;
  expect(log).toEqual(['a@30', 'b@50', 'a@60', 'a@90']);
  expect(clock.now()).toBe(100);
});

it('rejects a wait whose signal aborts', async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const waiting = clock.wait(100, controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(clock.wait(1, controller.signal)).rejects.toThrow('enough');
  expect(clock.waiting).toBe(0);
});

it('lets an hour pass at once when it goes on by itself', async () => {
  const clock = new FakeClock(0);
  const stop = clock.autoAdvance();
  for (let i = 0; i < 60; i += 1) await clock.wait(60_000);
  stop();
  expect(clock.now()).toBe(3_600_000);
});
