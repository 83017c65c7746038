import { allChecks } from '../../checks/all-checks.ts';
import { type Check, type CheckResult, stops } from '../../checks/check.ts';
import { runChecks } from '../../checks/run-checks.ts';
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
  const phase = await recordedPhase(context);
  const last = lastPhase(goal);
  if (goal.do === 'rollback' || reached(phase, last)) return [];
  return lookPatiently(
    context,
    allChecks.filter((check) => check.severity === 'fatal' && concerns(check, phase, last)),
  );
}

/** For so long is asked again what only did not answer in time: a machine that is busy for a moment is not broken. */
const patienceMs = 15_000;
const betweenLooksMs = 1_000;

async function lookPatiently(
  context: EngineContext,
  checks: readonly Check[],
): Promise<readonly CheckResult[]> {
  const end = context.clock.now() + patienceMs;
  for (;;) {
    const results = await runChecks(context, checks);
    const findings = results.filter(stops).flatMap((it) => it.findings);
    const mayPass = findings.find(({ passing }) => passing);
    const isWrong = results.some(({ result }) => result === 'fail');
    if (!mayPass || isWrong || context.clock.now() >= end) return results;
    tell(context, 'wait', 'progress', `looking again: ${mayPass.why}`);
    await context.clock.wait(betweenLooksMs, context.signal);
  }
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

function lastPhase(goal: Goal): Phase {
  switch (goal.do) {
    case 'run':
      return goal.until;
    case 'join':
      return 'Joined';
    case 'deploy':
      return 'Deployed';
    case 'shift':
    case 'rollback':
    case 'complete':
      return 'Completed';
    case 'retire':
      return 'Retired';
  }
}
