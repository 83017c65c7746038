import { allChecks } from '../../checks/all-checks.ts';
import type { CheckResult } from '../../checks/check.ts';
import { runChecks } from '../../checks/run-checks.ts';
import type { EngineContext } from '../../engine/context.ts';
import type { Goal } from '../../migration/decision.ts';

/**
 * What must hold before a command changes anything. A rollback waits for nothing but its own safety rules: it must
 * work on the worst day. The VM is only looked at by commands that go there.
 */
export async function preflight(context: EngineContext, goal: Goal): Promise<readonly CheckResult[]> {
  if (goal.do === 'rollback') return [];
  const goesToVm = goal.do === 'join' || goal.do === 'run' || goal.do === 'retire';
  return runChecks(
    context,
    allChecks.filter((check) => check.severity === 'fatal' && (check.category !== 'vm' || goesToVm)),
  );
}
