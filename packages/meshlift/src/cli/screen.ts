import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.ts';

const colourStart = '\u001B';
const begin = '\u001B[?2026h\u001B[?25l';
const end = '\u001B[?2026l';
const toLineEnd = '\u001B[K';
const toScreenEnd = '\u001B[J';
const showCursor = '\u001B[?25h';

/** A part of the terminal, from the cursor down, that is drawn again and again in place. */
export interface Screen {
  draw(lines: readonly string[]): void;
  /** leaves the last picture standing, with the cursor below it */
  close(): void;
}

/**
 * Draws without flicker: only lines that changed are written, in one piece, and the terminal is asked to show them at
 * once. Lines are cut to the terminal's width, since one that wraps would push everything below it down.
 */
export function openScreen(terminal: Pick<Terminal, 'out' | 'columns' | 'rows'>): Screen {
  let shown: readonly string[] = [];
  return {
    draw(lines) {
      const next = lines.slice(0, Math.max(1, terminal.rows - 1)).map((line) => cut(line, terminal.columns));
      const up = shown.length > 0 ? `\u001B[${shown.length}F` : '';
      const body = next.map((line, at) => (shown[at] === line ? '\n' : `${line}${toLineEnd}\n`)).join('');
      const rest = next.length < shown.length ? toScreenEnd : '';
      terminal.out(`${begin}${up}${body}${rest}${end}`);
      shown = next;
    },
    close() {
      terminal.out(showCursor);
    },
  };
}

/** At most so many columns of visible text; colours take no room, and those after the cut still end what they began. */
export function cut(line: string, columns: number): string {
  const tooLong = [...stripVTControlCharacters(line)].length > columns;
  let room = tooLong ? columns - 1 : columns;
  let text = '';
  let inColour = false;
  for (const character of line) {
    if (character === colourStart) inColour = true;
    if (inColour) {
      text += character;
      inColour = character !== 'm';
    } else if (room > 0) {
      text += character;
      room -= 1;
      if (room === 0 && tooLong) text += '…';
    }
  }
  return text;
}
