export interface TextColumn {
  readonly title: string;
  readonly align?: 'right';
  /** left out, the last one first, where the table would be too wide with it */
  readonly optional?: true;
}

const gap = '  ';

/**
 * Lines of an aligned table without boxes: a row of titles, then the rows. When it would be wider than `width`,
 * optional columns are left out; if that is not enough, the widest left-aligned column is cut, with an ellipsis, but
 * never below its title.
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(length(title), ...rows.map((row) => length(row[i] ?? ''))),
  );
  const least = columns.map(({ align, title }, i) =>
    align === 'right' ? (widths[i] ?? 0) : Math.min(widths[i] ?? 0, leastWidth(title)),
  );
  const dropped = total(least) > width ? columns.findLastIndex(({ optional }) => optional) : -1;
  if (dropped !== -1) {
    return textTable(
      columns.toSpliced(dropped, 1),
      rows.map((row) => row.toSpliced(dropped, 1)),
      width,
    );
  }
  shrink(columns, widths, width);
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => {
        const cell = cut(cells[i] ?? '', widths[i] ?? 0);
        const padding = ' '.repeat(Math.max(0, (widths[i] ?? 0) - length(cell)));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join(gap)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

function shrink(columns: readonly TextColumn[], widths: number[], width: number): void {
  while (total(widths) > width) {
    const candidates = columns.flatMap(({ align, title }, i) =>
      align !== 'right' && (widths[i] ?? 0) > leastWidth(title) ? [i] : [],
    );
    const widest = candidates.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, it) => sum + it + gap.length, -gap.length);
}

/** A name cut shorter than this says nothing any more. */
function leastWidth(title: string): number {
  return Math.max(length(title), 8);
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

function length(text: string): number {
  return [...text].length;
}
