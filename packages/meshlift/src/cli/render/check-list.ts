import { type CheckResult, categories } from '../../checks/check.ts';

const glyphs = { pass: '✔', warning: '!', fail: '✗', skipped: '·' } as const satisfies Record<
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
  const count = (result: CheckResult['result']) => results.filter((it) => it.result === result).length;
  const failed = count('fail');
  const summary =
    failed === 0
      ? `${count('pass')} checks hold${count('warning') ? `, ${count('warning')} warnings` : ''}`
      : `${failed} of ${results.length} checks don't hold`;
  return `${lines.join('\n')}${summary}\n`;
}

export function checkLines({ id, sentence, result, why, next }: CheckResult): readonly string[] {
  const lines = [`  ${glyphs[result]} ${sentence}`];
  if (result === 'skipped') lines.push(`      not looked at: ${why}`);
  else if (result !== 'pass')
    lines.push(`      ${why}`, `      next: ${next}`, `      more: meshlift explain ${id}`);
  return lines;
}
