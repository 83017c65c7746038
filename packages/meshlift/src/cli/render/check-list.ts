import { type CheckResult, categories, stops } from '../../checks/check.ts';

const glyphs = { pass: '✔', warning: '!', fail: '✗', unknown: '?', skipped: '·' } as const satisfies Record<
  CheckResult['result'],
  string
>;

/** Results by category, each as its positive sentence; what doesn't hold is followed by why and what to do. */
export function checkList(results: readonly CheckResult[]): string {
  const lines = categories.flatMap((category) => {
    const inCategory = results.filter((it) => it.category === category);
    if (inCategory.length === 0) return [];
    return [category, ...inCategory.flatMap(checkLines), ''];
  });
  return `${lines.join('\n')}\n${summary(results)}\n`;
}

function summary(results: readonly CheckResult[]): string {
  const stopping = results.filter(stops).length;
  if (stopping > 0) return `${stopping} of ${results.length} checks don't hold`;
  const holding = results.filter(({ result }) => result === 'pass').length;
  const warnings = results.length - holding;
  return `${holding} checks hold${warnings > 0 ? `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}` : ''}`;
}

export function checkLines({ id, sentence, result, findings }: CheckResult): readonly string[] {
  const lines = [`  ${glyphs[result]} ${sentence}`];
  if (result === 'pass') return lines;
  if (result === 'skipped')
    return lines.map((line) => `${line} (${findings.map(({ next }) => next).join('; ')})`);
  return [
    ...lines,
    ...findings.flatMap(({ why, next, unknown }) => [
      `      ${unknown ? `not known: ${why}` : why}`,
      `      next: ${next}`,
    ]),
    `      more: meshlift explain ${id}`,
  ];
}
