import { expect, it } from 'vitest';
import { inUnits, quantity } from './quantity.ts';

it.each([
  ['100m', 0.1],
  ['1', 1],
  [2, 2],
  ['1.5', 1.5],
  ['64Mi', 64 * 2 ** 20],
  ['1Gi', 2 ** 30],
  ['128M', 128e6],
  ['1e3', 1000],
  ['12E', 12e18],
  ['', null],
  ['many', null],
  ['1Xi', null],
])('reads %j as %j', (text, amount) => {
  expect(quantity(text)).toBe(amount);
});

it('is written for people', () => {
  expect(inUnits('cpu', 0.0251)).toBe('0.025 cores');
  expect(inUnits('memory', 100 * 2 ** 20)).toBe('100 MiB');
});
