import fc from 'fast-check';
import { expect, it } from 'vitest';
import { changedParts, lineDiff } from './line-diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

it('leads from the one text to the other, whatever they are', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = lineDiff(before, after);
      expect(diff.filter((it) => it.mark !== '+').map((it) => it.text)).toEqual(before);
      expect(diff.filter((it) => it.mark !== '-').map((it) => it.text)).toEqual(after);
    }),
  );
});

it('says of a text that is the same that nothing changed', () => {
  fc.assert(
    fc.property(lines, (text) => {
      expect(lineDiff(text, text).every((it) => it.mark === ' ')).toBe(true);
    }),
  );
});

it('changes one line where one line changed', () => {
  const diff = lineDiff(['host: a', 'weight: 80', 'end'], ['host: a', 'weight: 20', 'end']);
  expect(diff.map(({ mark, text }) => mark + text)).toEqual([
    ' host: a',
    '-weight: 80',
    '+weight: 20',
    ' end',
  ]);
});

it('shows what is around a change, and says where something was left out', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
  const after = before.map((it) => (it === '5' ? 'five' : it));
  const shown = changedParts(lineDiff(before, after), 1).map((it) => (it ? it.mark + it.text : '…'));
  expect(shown).toEqual(['…', ' 4', '-5', '+five', ' 6', '…']);
});
