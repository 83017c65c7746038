import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { cut, openScreen } from './screen.ts';

/** One command to the terminal, or text, or a new line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's language is made of these
const control = /\u001B\[\??(\d*)([A-Za-z])|([^\u001B\n]+|\n)/g;

/** What a terminal of this size shows after it was sent these bytes, as far as the screen uses a terminal. */
function terminal(rows = 24, columns = 80) {
  const lines: string[] = [];
  let row = 0;
  const written: string[] = [];
  return {
    rows,
    columns,
    lines,
    written,
    out(text: string) {
      written.push(text);
      for (const [, count, command, plain] of text.matchAll(control)) {
        if (command === 'F') row -= Number(count);
        else if (command === 'J') lines.length = row;
        else if (plain === '\n') row += 1;
        else if (plain !== undefined) lines[row] = plain;
      }
    },
  };
}

it('shows each picture in the place of the last one', () => {
  const shown = terminal();
  const screen = openScreen(shown);
  screen.draw(['phase Joined', 'vm 100', 'healthy']);
  screen.draw(['phase Shifting', 'vm 80', 'healthy']);
  expect(shown.lines).toEqual(['phase Shifting', 'vm 80', 'healthy']);
  screen.draw(['finished']);
  expect(shown.lines).toEqual(['finished']);
});

it('writes only what changed, in one piece', () => {
  const shown = terminal();
  const screen = openScreen(shown);
  screen.draw(['a long line that stays as it is', 'rate 10']);
  screen.draw(['a long line that stays as it is', 'rate 11']);
  expect(shown.written).toHaveLength(2);
  expect(shown.written[1]).not.toContain('stays as it is');
});

it('never draws more than the terminal has room for', () => {
  const shown = terminal(4, 10);
  openScreen(shown).draw(['1', '2', '3', '4', '5', '6']);
  expect(shown.lines).toEqual(['1', '2', '3']);
});

it('cuts a line that would wrap, says so, and ends its colours', () => {
  expect(cut('0123456789', 10)).toBe('0123456789');
  expect(cut('0123456789A', 10)).toBe('012345678…');
  const coloured = cut('\u001B[31m0123456789A\u001B[39m', 10);
  expect(stripVTControlCharacters(coloured)).toBe('012345678…');
  expect(coloured.endsWith('\u001B[39m')).toBe(true);
});
