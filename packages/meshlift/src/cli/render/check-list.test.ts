import { expect, it } from 'vitest';
import type { CheckResult } from '../../checks/check.ts';
import { checkList } from './check-list.ts';

const finding = { why: 'it is not there', next: 'make it' };

function result(id: string, more: Partial<CheckResult>): CheckResult {
  return {
    id,
    category: 'mesh',
    sentence: `${id} holds`,
    severity: 'fatal',
    result: 'pass',
    findings: [],
    ...more,
  };
}

it('shows every result by its sentence, and of those that don’t hold why and what to do', () => {
  const text = checkList([
    result('one', {}),
    result('two', { result: 'fail', findings: [finding, { why: 'nor there', next: 'make both' }] }),
    result('three', { result: 'unknown', findings: [{ ...finding, unknown: true }] }),
    result('four', {
      result: 'skipped',
      findings: [{ why: '«two holds» doesn’t hold', next: 'see to two first' }],
    }),
    result('five', { severity: 'warning', result: 'warning', findings: [finding] }),
  ]);
  expect(text).toBe(`mesh
  ✔ one holds
  ✗ two holds
      it is not there
      next: make it
      nor there
      next: make both
      more: meshlift explain two
  ? three holds
      not known: it is not there
      next: make it
      more: meshlift explain three
  · four holds (see to two first)
  ! five holds
      it is not there
      next: make it
      more: meshlift explain five

3 of 5 checks don't hold
`);
});

it('counts what only warns when nothing stops', () => {
  const warning = result('two', { severity: 'warning', result: 'unknown', findings: [finding] });
  expect(checkList([result('one', {}), warning])).toMatch(/1 checks hold, 1 warning\n$/);
});
