import { act, type Decision, done, type Goal, refused, wait } from './decision.ts';
import { healthProblem, isDown } from './health.ts';
import type { Health, Observation } from './observation.ts';
import { reached } from './phase.ts';
import { drift, unsettled } from './settling.ts';
import type { MigrationStatus } from './status.ts';
import { allOnVm, sameSplit } from './traffic-split.ts';

type RollbackGoal = Extract<Goal, { do: 'rollback' }>;

/** Why there is no way back now, whatever the clusters have; null when there is one. */
export function refuseRollback(
  status: Pick<MigrationStatus, 'phase'>,
  vm: Health,
  { force }: RollbackGoal,
): Extract<Decision, { kind: 'stop' }> | null {
  if (!reached(status.phase, 'Joined')) {
    return refused('nothing has been shifted: the VM has not joined the mesh yet', 'meshlift vm join');
  }
  if (isDown(vm) && !force) {
    return refused(
      `the VM can't take the traffic back: ${healthProblem('the VM', vm)}`,
      'bring the service on the VM back, then: meshlift rollback; if it serves all the same: meshlift rollback --force',
    );
  }
  return null;
}

/** Traffic first: a rollback writes what it can reach, whatever else is wrong, unless the vm side can't take it. */
export function decideRollback(status: MigrationStatus, seen: Observation, goal: RollbackGoal): Decision {
  const refusal = refuseRollback(status, seen.vm, goal);
  if (refusal) return refusal;
  if (
    status.agreed &&
    sameSplit(status.agreed.split, allOnVm) &&
    drift(status, seen).length === 0 &&
    !unsettled(status)
  ) {
    return done('every cluster already sends all traffic to the VM');
  }
  const away = Object.entries(seen.members).flatMap(([name, it]) => (it.reachable ? [] : [name]));
  if (away.length > 0 && isBackWhereReached(status, seen)) {
    const because = `every cluster that answers is back on the VM; ${away.join(', ')} is returned as soon as it answers`;
    return wait('cluster', because);
  }
  return act(
    { do: 'split', split: allOnVm, cause: 'rollback', reason: 'a rollback was asked for' },
    'a rollback was asked for',
  );
}

/** Whether the last write was a way back, and every cluster that answers was verified to serve it, and still has it. */
function isBackWhereReached({ intent, splits }: MigrationStatus, { members }: Observation): boolean {
  const last = splits.at(-1);
  if (!intent || !last || last.generation !== intent.generation || !sameSplit(intent.split, allOnVm))
    return false;
  return Object.entries(members).every(
    ([name, member]) =>
      !member.reachable ||
      (member.route.found === 'ours' &&
        member.route.generation === intent.generation &&
        last.clusters.some(({ cluster }) => cluster === name)),
  );
}
