import { expect, it } from 'vitest';
import { abreast } from './abreast.ts';
import { FakeClock } from './fake.ts';

const signal = new AbortController().signal;

it('lets all go on when the last one has come, and leaves no wait behind', async () => {
  const clock = new FakeClock();
  const line = abreast(clock, 2, 200);
  const gone: string[] = [];
  line.here();
  const first = line.together(signal).then(() => gone.push('first'));
  await clock.advance(199);
  expect(gone).toEqual([]);
  line.here();
  await Promise.all([first, line.together(signal).then(() => gone.push('second'))]);
  expect(gone.sort()).toEqual(['first', 'second']);
  expect(clock.waiting).toBe(0);
});

it('lets one go on alone when the others keep it waiting', async () => {
  const clock = new FakeClock();
  const line = abreast(clock, 2, 200);
  line.here();
  let gone = false;
  void line.together(signal).then(() => {
    gone = true;
  });
  await clock.advance(200);
  expect(gone).toBe(true);
});

it('waits no longer than its signal allows', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const waiting = abreast(clock, 2, 200).together(stop.signal);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  expect(clock.waiting).toBe(0);
});
