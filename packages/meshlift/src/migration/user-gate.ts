import type { GateAnswer } from '../effects/gate/port.ts';
import type { Verdict } from './gate.ts';

/** From the worst to the best: one bad word is enough, and all must be good. */
const worstFirst: readonly Verdict['verdict'][] = ['fail', 'error', 'inconclusive', 'pass'];

/** Our own verdict and the user's gates' as one: the worst of them, with the name of the gate that said it. */
export function withUserGates(own: Verdict, answers: readonly GateAnswer[]): Verdict {
  for (const verdict of worstFirst) {
    if (own.verdict === verdict && verdict !== 'pass') return own;
    const answer = answers.find((it) => it.verdict === verdict);
    if (answer && verdict !== 'pass')
      return { verdict, obvious: false, because: `gate ${answer.gate}: ${answer.because}` };
  }
  if (answers.length === 0) return own;
  return { ...own, because: `${own.because}; passed as well: ${answers.map((it) => it.gate).join(', ')}` };
}
