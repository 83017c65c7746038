import { type Check, type CheckResult, type Finding, stops } from '../../checks/check.ts';
import { type EngineContext, tell } from '../../engine/context.ts';
import { readStatus } from '../../engine/journal.ts';
import { isMeshliftError } from '../../errors/error.ts';
import type { Goal } from '../../migration/decision.ts';
import { type Phase, reached } from '../../migration/phase.ts';

/**
 * What must hold before a command changes anything. A rollback waits for nothing but its own safety rules: it must
 * work on the worst day. What is already done is not asked for again: a retired VM may be gone.
 */
export async function preflight(context: EngineContext, goal: Goal): Promise<readonly CheckResult[]> {
  const checks = await checksFor(context, goal);
  if (checks.length === 0) return [];
  const { untilChecksHold } = await import('../../checks/run-checks.ts');
  return untilChecksHold(context, checks, {
    deadlineMs: patienceMs,
    intervalMs: betweenLooksMs,
    mayHelp: (results) =>
      whatMayPass(results) !== undefined && !results.some(({ result }) => result === 'fail'),
    progress: (results) =>
      tell(context, 'wait', 'progress', `looking again: ${whatMayPass(results)?.why ?? ''}`),
  });
}

/** The checks are loaded only by those who look. */
async function checksFor(context: EngineContext, goal: Goal): Promise<readonly Check[]> {
  if (goal.do === 'rollback') return [];
  if (goal.do === 'shift') return (await import('../../checks/before-a-shift.ts')).checksBeforeAShift;
  const phase = await recordedPhase(context);
  const last = lastPhase(goal);
  if (reached(phase, last)) return [];
  const { allChecks } = await import('../../checks/all-checks.ts');
  return allChecks.filter((check) => check.severity === 'fatal' && concerns(check, phase, last));
}

/** For so long is asked again what only did not answer in time: a machine that is busy for a moment is not broken. */
const patienceMs = 15_000;
const betweenLooksMs = 1_000;

function whatMayPass(results: readonly CheckResult[]): Finding | undefined {
  return results
    .filter(stops)
    .flatMap(({ findings }) => findings)
    .find(({ passing }) => passing);
}

function concerns({ category, id }: Check, phase: Phase, last: Phase): boolean {
  if (category === 'vm')
    return id === 'vm-ssh' ? last === 'Retired' || phase === 'Planned' : phase === 'Planned';
  // Once completed, only the VM is left to be taken away.
  return category === 'clusters' || !reached(phase, 'Completed');
}

/** A home cluster that can't tell where the migration stands is what the checks themselves will say. */
async function recordedPhase(context: EngineContext): Promise<Phase> {
  try {
    return (await readStatus(context)).phase;
  } catch (error) {
    if (isMeshliftError(error)) return 'Planned';
    throw error;
  }
}

function lastPhase(goal: Exclude<Goal, { do: 'rollback' | 'shift' }>): Phase {
  switch (goal.do) {
    case 'run':
      return goal.until;
    case 'join':
      return 'Joined';
    case 'deploy':
      return 'Deployed';
    case 'complete':
      return 'Completed';
    case 'retire':
      return 'Retired';
  }
}
