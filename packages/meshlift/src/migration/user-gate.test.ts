import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateAnswer } from '../effects/gate/port.ts';
import type { Verdict } from './gate.ts';
import { withUserGates } from './user-gate.ts';

const pass: Verdict = { verdict: 'pass', obvious: false, because: '0 % of 500 requests failed' };
const answer = (verdict: Verdict['verdict'], gate = 'orders'): GateAnswer => ({
  gate,
  verdict,
  because: 'why',
});

test('all must pass, and who did is told', () => {
  expect(withUserGates(pass, [])).toBe(pass);
  expect(withUserGates(pass, [answer('pass'), answer('pass', 'stock')])).toEqual({
    ...pass,
    because: '0 % of 500 requests failed; passed as well: orders, stock',
  });
});

test('one that fails is enough, and its name and reason are told', () => {
  expect(withUserGates(pass, [answer('pass', 'stock'), answer('fail')])).toEqual({
    verdict: 'fail',
    obvious: false,
    because: 'gate orders: why',
  });
});

test('an obvious failure of our own stays what it is, whatever others say', () => {
  const own: Verdict = { verdict: 'fail', obvious: true, because: 'bad' };
  expect(withUserGates(own, [answer('pass')])).toBe(own);
});

test('no answer and no error is ever taken for good', () => {
  const anyVerdict = fc.constantFrom(
    'pass' as const,
    'fail' as const,
    'error' as const,
    'inconclusive' as const,
  );
  fc.assert(
    fc.property(anyVerdict, fc.array(anyVerdict, { maxLength: 4 }), (own, others) => {
      const { verdict } = withUserGates(
        { verdict: own, obvious: false, because: 'x' },
        others.map((it) => answer(it)),
      );
      const all = [own, ...others];
      expect(verdict === 'pass').toBe(all.every((it) => it === 'pass'));
      expect(verdict === 'fail').toBe(all.includes('fail'));
    }),
  );
});
