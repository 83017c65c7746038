import { type Act, type Decision, type Goal, held, type SplitCause, wait } from './decision.ts';
import type { Pause } from './status.ts';

/** Splits that take the migration forward; all others keep what was agreed, or take traffic off a side that is bad. */
const forwardCauses: ReadonlySet<SplitCause> = new Set(['step', 'shift']);

/** What a decision becomes while somebody has paused the migration: whatever is not needed for safety waits. */
export function heedPause(decision: Decision, paused: Pause | null, goal: Goal): Decision {
  if (!paused || !goesForward(decision)) return decision;
  const because = `${paused.by} paused it at ${paused.at}${paused.reason ? `: ${paused.reason}` : ''}`;
  const { verdict } = decision;
  if (goal.do === 'run') return wait('resume', because, verdict);
  return { ...held(because, 'meshlift resume'), ...(verdict && { verdict }) };
}

function goesForward(decision: Decision): boolean {
  return decision.kind === 'record' || (decision.kind === 'act' && isForward(decision.act));
}

function isForward(act: Act): boolean {
  return act.do !== 'split' || forwardCauses.has(act.cause);
}
