import { expect, test } from 'vitest';
import { textTable } from './text-table.ts';

const columns = [{ title: 'name' }, { title: 'count', align: 'right' }] as const;

test('columns are aligned under their titles, numbers to the right', () => {
  expect(
    textTable(
      columns,
      [
        ['a', '1'],
        ['longer', '1,000'],
      ],
      80,
    ),
  ).toEqual(['name    count', 'a           1', 'longer  1,000']);
});

test('a table that is too wide loses text at the widest column, and shows that it does', () => {
  const [, row] = textTable(columns, [['a very long name', '1,000']], 20);
  expect(row).toBe('a very long …  1,000');
});

test('numbers are never cut', () => {
  const [, row] = textTable(columns, [['a very long name', '123,456,789']], 10);
  expect(row).toContain('123,456,789');
});

test('optional columns go before any text is cut, the last one first', () => {
  const wide = [
    { title: 'name' },
    { title: 'one', optional: true },
    { title: 'two', optional: true },
  ] as const;
  const [titles, row] = textTable(wide, [['abcdefgh', '11111111', '22222222']], 18);
  expect([titles, row]).toEqual(['name      one', 'abcdefgh  11111111']);
});
