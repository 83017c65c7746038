import { expect, it } from 'vitest';
import { Clock } from './clock.ts';

/** A clock whose two sources are set by hand. */
function clockAt(start: number) {
  const time = { wall: start, fine: 0 };
  const clock = new Clock(
    () => Math.floor(time.wall),
    () => time.fine,
  );
  return { clock, time };
}

it('time goes on between two milliseconds of the wall clock', () => {
  const { clock, time } = clockAt(1_000);
  time.wall += 0.25;
  time.fine += 0.25;
  expect(clock.now()).toBe('1000250000');
  time.wall += 0.5;
  time.fine += 0.5;
  expect(clock.now()).toBe('1000750000');
});

it('two calls at the same moment give two times in order', () => {
  const { clock } = clockAt(1_000);
  expect([clock.now(), clock.now()]).toEqual(['1000000000', '1000000001']);
});

it('the wall clock is right after a sleep in which the fine one stood still', () => {
  const { clock, time } = clockAt(1_000);
  clock.now();
  time.wall += 3_600_000;
  expect(clock.now()).toBe('3601000000000');
});

it('time never goes back, even when the wall clock is set back', () => {
  const { clock, time } = clockAt(5_000);
  const before = BigInt(clock.now());
  time.wall = 1_000;
  expect(BigInt(clock.now()) > before).toBe(true);
});

it('the start in the middle of a millisecond is learnt when the next one comes', () => {
  const { clock, time } = clockAt(1_000.9);
  time.wall += 0.2;
  time.fine += 0.2;
  const now = Number(BigInt(clock.now()) / 1_000n) / 1_000;
  expect(now).toBeGreaterThanOrEqual(1_001);
  expect(now).toBeLessThan(1_001.2);
});
