import { expect, test } from 'vitest';
import { findCycle } from './waves.ts';

const after = (edges: Record<string, string[]>) => new Map(Object.entries(edges));

test('migrations that wait for each other are a cycle, told as the way round', () => {
  expect(findCycle('a', after({ a: ['b'], b: ['c'], c: ['a'] }))).toEqual(['a', 'b', 'c', 'a']);
});

test('waves that merge again are none', () => {
  expect(findCycle('a', after({ a: ['b', 'c'], b: ['d'], c: ['d'] }))).toBeNull();
});

test('a cycle of others that this one waits for is theirs, and ends the search all the same', () => {
  expect(findCycle('a', after({ a: ['b'], b: ['c'], c: ['b'] }))).toBeNull();
});
