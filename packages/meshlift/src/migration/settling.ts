import { act, type Decision, type ForwardGoal, held } from './decision.ts';
import { healthProblem, isDown } from './health.ts';
import type { Observation, RouteObservation } from './observation.ts';
import { reached } from './phase.ts';
import type { MigrationStatus } from './status.ts';
import { allOnVm, formatSplit, sameSplit, type TrafficSplit } from './traffic-split.ts';

/** An interrupted write, and a split that someone changed, are settled before anything else. */
export function settle(status: MigrationStatus, seen: Observation, goal: ForwardGoal): Decision | null {
  const agreed = status.agreed?.split ?? allOnVm;
  if (unsettled(status) && status.intent) {
    const { generation, split } = status.intent;
    const reason = 'settling an interrupted write';
    return act(
      { do: 'split', split: settledSplit(split, agreed, seen), cause: 'settle', reason },
      `write ${generation} (${formatSplit(split)}) was not verified in every cluster`,
    );
  }
  const [drifted, ...others] = drift(status, seen);
  if (!drifted || completionBroke(status, seen, goal, [drifted, ...others])) return null;
  const { member } = drifted;
  const what = drifted.damage
    ? `in ${member} ${drifted.damage} by someone else`
    : `${member}'s route was changed by someone else`;
  const sick = [drifted, ...others].map(({ route }) =>
    route.found === 'ours' ? sickSideGaining(route.split, agreed, seen) : null,
  );
  const problem = sick.find((it) => it !== null);
  if (problem) {
    return held(
      `${what}, and ${problem}, so the agreed split ${formatSplit(agreed)} is not written back`,
      'meshlift status, then: meshlift rollback, or meshlift run once both sides are healthy',
    );
  }
  return act(
    { do: 'split', split: agreed, cause: 'drift', reason: what },
    `${what}; ${formatSplit(agreed)} is what was agreed`,
  );
}

/** A route that is gone after 100 % was held is how completing leaves it: that is finished, not mended. */
function completionBroke(
  { phase }: MigrationStatus,
  { copy }: Observation,
  goal: ForwardGoal,
  drifted: readonly Drift[],
): boolean {
  const completes = goal.do === 'run' || goal.do === 'complete';
  const gone = drifted.every(({ route }) => route.found === 'none');
  return completes && phase === 'Shifted' && gone && copy.is === 'healthy';
}

/** Of the split that was meant and the last agreed one, that which gives a side that is not well the least. */
function settledSplit(meant: TrafficSplit, last: TrafficSplit, seen: Observation): TrafficSplit {
  const [lessOnK8s, moreOnK8s] = meant.k8s <= last.k8s ? [meant, last] : [last, meant];
  if (seen.copy.is !== 'healthy') return lessOnK8s;
  return isDown(seen.vm) ? moreOnK8s : meant;
}

/** Why the way from one split to another gives more traffic to a side that can't be trusted with it; null if not. */
function sickSideGaining(from: TrafficSplit, to: TrafficSplit, seen: Observation): string | null {
  if (to.k8s > from.k8s && seen.copy.is !== 'healthy') return healthProblem('the copy', seen.copy);
  if (to.vm > from.vm && isDown(seen.vm)) return healthProblem('the VM', seen.vm);
  return null;
}

export function unsettled(status: MigrationStatus): boolean {
  return status.intent !== null && status.intent.generation !== status.agreed?.generation;
}

interface Drift {
  readonly member: string;
  readonly route: RouteObservation;
  readonly damage: string | null;
}

/** The members whose route, or what it leads to, is not the agreed one, in the phases in which there must be one. */
export function drift(status: MigrationStatus, seen: Observation): readonly Drift[] {
  const { agreed, phase } = status;
  if (!agreed || !reached(phase, 'Joined') || reached(phase, 'Completed')) return [];
  return Object.entries(seen.members).flatMap(([name, member]) => {
    if (!member.reachable) return [];
    const { damage = null, route } = member;
    const isAgreed =
      damage === null &&
      route.found === 'ours' &&
      route.generation === agreed.generation &&
      sameSplit(route.split, agreed.split);
    return isAgreed ? [] : [{ member: name, route, damage }];
  });
}
