import type { Migration } from '../spec/migration.ts';
import {
  act,
  type Decision,
  done,
  type ForwardGoal,
  type Goal,
  held,
  refused,
  type Stop,
  wait,
} from './decision.ts';
import { decideRollback } from './going-back.ts';
import type { Observation } from './observation.ts';
import { formatGoal, outOfOrder, phaseBefore, phaseWanted } from './order-of-commands.ts';
import { heedPause } from './pausing.ts';
import { reached } from './phase.ts';
import { settle, unsettled } from './settling.ts';
import { failsBeyondDoubt, shifting } from './shifting.ts';
import type { MigrationStatus } from './status.ts';
import { allOnVm, sameSplit } from './traffic-split.ts';

/**
 * The next move of a migration, from what is recorded, what was seen and what time it is (ms since the epoch). Pure:
 * the same arguments give the same decision, so every decision can be explained and tested. Unknown is never taken
 * for good, and nothing goes on before the last write is settled.
 */
export function decide(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  goal: Goal,
  now: number,
): Decision {
  if (status.phase === 'Retired') return decideRetired(goal);
  if (goal.do === 'rollback') return decideRollback(status, seen, goal);
  const decision =
    unreachableMember(migration, status, seen, goal) ??
    settle(status, seen, goal) ??
    predecessor(status, seen, goal) ??
    advance(migration, status, seen, goal, now);
  return heedPause(decision, status.paused, goal);
}

/**
 * Whether a goal is reached by what is recorded alone: after an act, which verified in every cluster what it did. Null
 * when there is more to do.
 */
export function achieved(status: MigrationStatus, goal: Goal): Stop | null {
  if (unsettled(status)) return null;
  const { agreed, phase } = status;
  const isReached =
    goal.do === 'rollback'
      ? agreed !== null && sameSplit(agreed.split, allOnVm)
      : goal.do === 'shift'
        ? agreed !== null && sameSplit(agreed.split, goal.split)
        : reached(phase, phaseWanted(goal));
  return isReached ? done(`${formatGoal(goal)} is done`) : null;
}

/** Whether it depends on what callers see what comes next. */
export function isJudged(goal: Goal): boolean {
  return goal.do === 'run' || goal.do === 'complete';
}

function decideRetired(goal: Goal): Decision {
  if (goal.do === 'run' || goal.do === 'retire' || goal.do === 'complete') {
    return done('the migration is finished: the service runs in Kubernetes and its VM is retired');
  }
  return refused('the VM has been retired, so there is no way back to it', 'start a new migration');
}

/**
 * Going forward needs every member; what is in place stays in place meanwhile. A run waits for its return, and so does
 * whoever has an interrupted write to settle there: it is settled as soon as the cluster can be reached. A copy that fails
 * beyond doubt is taken back all the same, where that can be done.
 */
function unreachableMember(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  goal: ForwardGoal,
): Decision | null {
  const [name, member] = Object.entries(seen.members).find(([, it]) => !it.reachable) ?? [];
  if (!name || !member || member.reachable) return null;
  const bad = goal.do === 'run' ? failsBeyondDoubt(migration, status, seen) : null;
  if (bad) return bad;
  const because = `${name} can't be reached (${member.why}), and a split must be agreed by every member cluster`;
  if (goal.do === 'run' || unsettled(status)) return wait('cluster', because);
  return held(because, `bring ${name} back, then repeat: meshlift ${formatGoal(goal)}`);
}

/** Until traffic moves, a migration waits for those that it comes after; what has begun is not stopped by them. */
function predecessor(status: MigrationStatus, seen: Observation, goal: ForwardGoal): Decision | null {
  if (reached(status.phase, 'Shifting')) return null;
  const first = seen.predecessors.find(({ phase, wanted }) => phase === null || !reached(phase, wanted));
  if (!first) return null;
  const { migration, phase, wanted } = first;
  const stands = phase === null ? 'has not begun' : `is ${phase}`;
  const because = `it comes after migration ${migration} is ${wanted}, which ${stands} (spec.after)`;
  if (goal.do === 'run') return wait('predecessor', because);
  return held(because, `meshlift -f FILE OF ${migration} run, then: meshlift ${formatGoal(goal)}`);
}

/**
 * Why a VM that has joined must join again: after a long time off its certificate has ended, and its token long before.
 * Null when it is well, when nobody knows, and when the migration does not need it (any more, or yet).
 */
function vmLost({ phase }: MigrationStatus, { vm }: Observation): string | null {
  if (!reached(phase, 'Joined') || reached(phase, 'Completed')) return null;
  if (vm.is === 'absent') return 'the VM has joined before, and is not registered any more';
  return vm.is === 'unhealthy' ? `the VM has joined before, and is not healthy: ${vm.why}` : null;
}

function advance(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  goal: ForwardGoal,
  now: number,
): Decision {
  const wanted = phaseWanted(goal);
  if (goal.do === 'join') {
    const lost = vmLost(status, seen);
    if (lost !== null) return act({ do: 'rejoin' }, lost);
  }
  if (goal.do !== 'shift' && reached(status.phase, wanted)) {
    return done(`the migration is ${status.phase} already: there is nothing to do`);
  }
  if (goal.do !== 'run' && !reached(status.phase, phaseBefore(goal))) return outOfOrder(status.phase, goal);

  switch (status.phase) {
    case 'Planned':
      return act({ do: 'join' }, 'the VM is not in the mesh yet');
    case 'Joined':
      return act({ do: 'deploy' }, 'the copy is not deployed yet');
    case 'Deployed':
    case 'Shifting':
    case 'Shifted':
      return shifting(migration, status, seen, goal, now);
    case 'Completed':
      if (goal.do === 'shift') return outOfOrder(status.phase, goal);
      return act({ do: 'retire' }, 'the service runs in Kubernetes alone');
    case 'Retired':
      return decideRetired(goal);
  }
}
