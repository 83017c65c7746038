import { expect, test } from 'vitest';
import { checkStartOrder } from './start-order.ts';

test('a set in which everything can start is accepted', () => {
  expect(() =>
    checkStartOrder([{ name: 'b', after: ['a'] }, { name: 'a' }, { name: 'c', after: ['a', 'b'] }]),
  ).not.toThrow();
});

test('a circle is refused, and named in its order', () => {
  const units = [
    { name: 'a', after: ['b'] },
    { name: 'b', after: ['c'] },
    { name: 'c', after: ['a'] },
  ];
  expect(() => checkStartOrder(units)).toThrow('a starts after b starts after c starts after a: a circle');
});

test('two problems are told at once', () => {
  const units = [{ name: 'a' }, { name: 'a' }, { name: 'b', after: ['nobody'] }];
  expect(() => checkStartOrder(units)).toThrow(
    /a is there twice; b starts after nobody, which does not exist/,
  );
});
