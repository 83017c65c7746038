/** One line of a comparison: on both sides, only before, or only after. */
export interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** The shortest way from one text to another, line by line (longest common subsequence). Meant for pages, not for books. */
export function lineDiff(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  // common[i][j]: how many lines the rests from i and j have in common
  const common = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const shared = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const row = common[i] ?? [];
    for (let j = after.length - 1; j >= 0; j -= 1)
      row[j] =
        before[i] === after[j] ? shared(i + 1, j + 1) + 1 : Math.max(shared(i + 1, j), shared(i, j + 1));
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]];
    if (old !== undefined && old === now) {
      lines.push({ mark: ' ', text: old });
      i += 1;
      j += 1;
    } else if (old !== undefined && (now === undefined || shared(i + 1, j) >= shared(i, j + 1))) {
      lines.push({ mark: '-', text: old });
      i += 1;
    } else if (now !== undefined) {
      lines.push({ mark: '+', text: now });
      j += 1;
    }
  }
  return lines;
}

/** The changed lines with `around` unchanged ones beside them; what is left out is told by `null`. */
export function changedParts(lines: readonly DiffLine[], around = 3): readonly (DiffLine | null)[] {
  const changes = lines.flatMap(({ mark }, at) => (mark === ' ' ? [] : [at]));
  const near = lines.map((_, at) => changes.some((change) => Math.abs(change - at) <= around));
  return lines.flatMap((line, at) => {
    if (near[at]) return [line];
    return at === 0 || near[at - 1] ? [null] : [];
  });
}
