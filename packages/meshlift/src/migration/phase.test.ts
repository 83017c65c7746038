import { expect, test } from 'vitest';
import { type Phase, phases, reached } from './phase.ts';

const inOrder: readonly Phase[] = [
  'Planned',
  'Joined',
  'Deployed',
  'Shifting',
  'Shifted',
  'Completed',
  'Retired',
];

test('every phase has its place in the story', () => {
  expect(Object.keys(phases).toSorted()).toEqual([...inOrder].toSorted());
});

test('a phase has reached itself and those before it, and no later one', () => {
  for (const [i, phase] of inOrder.entries()) {
    expect(inOrder.map((mark) => reached(phase, mark))).toEqual(inOrder.map((_mark, k) => k <= i));
  }
});
