import { expect, it } from 'vitest';
import { checksBeforeAShift } from './before-a-shift.ts';

it('a shift looks at a dozen things, each of which can stop it', () => {
  expect(checksBeforeAShift).toHaveLength(12);
  expect(checksBeforeAShift.map(({ severity }) => severity)).toEqual(Array(12).fill('fatal'));
});

it('none of them is left out because the check that it builds on is', () => {
  const ids = new Set(checksBeforeAShift.map(({ id }) => id));
  for (const { id, after } of checksBeforeAShift)
    expect(after === undefined || ids.has(after), id).toBe(true);
});
