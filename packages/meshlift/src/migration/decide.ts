import { formatDuration } from '../spec/duration.ts';
import type { Migration } from '../spec/migration.ts';
import type { Decision, Goal } from './decision.ts';
import { judge, type Verdict } from './gate.ts';
import type { Health, Observation, RouteObservation } from './observation.ts';
import { type Phase, reached } from './phase.ts';
import type { MigrationStatus } from './status.ts';
import {
  allOnK8s,
  allOnVm,
  formatSplit,
  sameSplit,
  splitWithK8s,
  type TrafficSplit,
} from './traffic-split.ts';

type ForwardGoal = Exclude<Goal, { do: 'rollback' }>;

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
  if (goal.do === 'rollback') return decideRollback(status, seen);
  return (
    unreachableMember(seen, goal) ?? settle(status, seen, goal) ?? advance(migration, status, seen, goal, now)
  );
}

function decideRetired(goal: Goal): Decision {
  if (goal.do === 'run' || goal.do === 'retire' || goal.do === 'complete') {
    return done('the migration is finished: the service runs in Kubernetes and its VM is retired');
  }
  return refused('the VM has been retired, so there is no way back to it', 'start a new migration');
}

/** Traffic first: a rollback writes what it can reach, whatever else is wrong, unless the vm side can't take it. */
function decideRollback(status: MigrationStatus, seen: Observation): Decision {
  if (!reached(status.phase, 'Joined')) {
    return refused('nothing has been shifted: the VM has not joined the mesh yet', 'meshlift vm join');
  }
  if (isDown(seen.vm)) {
    return refused(
      `the VM can't take the traffic back: ${healthProblem('the VM', seen.vm)}`,
      'bring the service on the VM back, then: meshlift rollback',
    );
  }
  if (
    status.agreed &&
    sameSplit(status.agreed.split, allOnVm) &&
    drift(status, seen).length === 0 &&
    !unsettled(status)
  ) {
    return done('every cluster already sends all traffic to the VM');
  }
  return act(
    { do: 'split', split: allOnVm, cause: 'rollback', reason: 'a rollback was asked for' },
    'a rollback was asked for',
  );
}

/** Going forward needs every member; what is in place stays in place meanwhile. */
function unreachableMember(seen: Observation, goal: Goal): Decision | null {
  const [name, member] = Object.entries(seen.members).find(([, it]) => !it.reachable) ?? [];
  if (!name || !member || member.reachable) return null;
  return held(
    `${name} can't be reached (${member.why}), and a split must be agreed by every member cluster`,
    `bring ${name} back, then repeat: meshlift ${goal.do === 'join' ? 'vm join' : goal.do}`,
  );
}

/** An interrupted write, and a split that someone changed, are settled before anything else. */
function settle(status: MigrationStatus, seen: Observation, goal: ForwardGoal): Decision | null {
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
  const sick = [drifted, ...others].map(({ route }) =>
    route.found === 'ours' ? sickSideGaining(route.split, agreed, seen) : null,
  );
  const problem = sick.find((it) => it !== null);
  if (problem) {
    return held(
      `${member}'s route was changed by someone else, and ${problem}, so the agreed split ${formatSplit(agreed)} is not written back`,
      'meshlift status, then: meshlift rollback, or meshlift run once both sides are healthy',
    );
  }
  const reason = `${member}'s route was changed by someone else`;
  return act(
    { do: 'split', split: agreed, cause: 'drift', reason },
    `${member} no longer has the agreed split ${formatSplit(agreed)}`,
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

/** Known not to serve; what is unknown may well serve, and is the way back that is left when its cluster is cut off. */
function isDown(vm: Health): boolean {
  return vm.is === 'unhealthy' || vm.is === 'absent';
}

function unsettled(status: MigrationStatus): boolean {
  return status.intent !== null && status.intent.generation !== status.agreed?.generation;
}

interface Drift {
  readonly member: string;
  readonly route: RouteObservation;
}

/** The members whose route is not the agreed one, in the phases in which there must be one. */
function drift(status: MigrationStatus, seen: Observation): readonly Drift[] {
  const { agreed, phase } = status;
  if (!agreed || !reached(phase, 'Joined') || reached(phase, 'Completed')) return [];
  return Object.entries(seen.members).flatMap(([name, member]) => {
    if (!member.reachable) return [];
    const { route } = member;
    const isAgreed =
      route.found === 'ours' &&
      route.generation === agreed.generation &&
      sameSplit(route.split, agreed.split);
    return isAgreed ? [] : [{ member: name, route }];
  });
}

function advance(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  goal: ForwardGoal,
  now: number,
): Decision {
  const wanted = phaseWanted(goal);
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

function shifting(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  goal: ForwardGoal,
  now: number,
): Decision {
  if (goal.do === 'shift') return shiftTo(status, seen, goal.split);
  if (status.phase === 'Shifted') return completing(seen);

  const current = status.agreed?.split ?? allOnVm;
  if (goal.do === 'complete' && current.k8s < 100) return outOfOrder(status.phase, goal);
  if (current.k8s === 0) return nextStep(migration, current, seen, null);

  const verdict = judge(migration.spec.rollout.gate, seen.window);
  if (verdict.verdict === 'fail') return onBadVerdict(migration, status, seen, verdict);
  if (verdict.verdict !== 'pass') return { kind: 'wait', until: null, because: verdict.because, verdict };

  const heldUntil = Date.parse(status.agreed?.at ?? '') + migration.spec.rollout.hold;
  if (now < heldUntil) {
    const because = `${verdict.because}; ${current.k8s} % is held for ${formatDuration(migration.spec.rollout.hold)}`;
    return { kind: 'wait', until: heldUntil, because, verdict };
  }
  if (current.k8s === 100) return { kind: 'record', phase: 'Shifted', because: verdict.because, verdict };
  return nextStep(migration, current, seen, verdict);
}

/** Completing takes the safety net away, so nothing but a healthy copy may be left alone. */
function completing(seen: Observation): Decision {
  if (seen.copy.is === 'healthy') return act({ do: 'complete' }, '100 % on Kubernetes was held for its time');
  return {
    kind: 'wait',
    until: null,
    because: `${healthProblem('the copy', seen.copy)}, so it is not left alone`,
  };
}

function shiftTo(status: MigrationStatus, seen: Observation, split: TrafficSplit): Decision {
  if (status.agreed && sameSplit(status.agreed.split, split)) {
    return done(`every cluster has ${formatSplit(split)} already`);
  }
  const side = split.k8s > (status.agreed?.split.k8s ?? 0) ? seen.copy : seen.vm;
  const name = side === seen.copy ? 'the copy' : 'the VM';
  if (side.is !== 'healthy') {
    return held(`${healthProblem(name, side)}, so no more traffic goes to it`, 'meshlift status');
  }
  return act({ do: 'split', split, cause: 'shift', reason: 'asked for' }, 'this split was asked for');
}

function nextStep(
  migration: Migration,
  current: TrafficSplit,
  seen: Observation,
  verdict: Verdict | null,
): Decision {
  if (seen.copy.is !== 'healthy') {
    return {
      kind: 'wait',
      until: null,
      because: `${healthProblem('the copy', seen.copy)}, so no more traffic goes to it`,
    };
  }
  const next = migration.spec.rollout.steps.find((step) => step > current.k8s) ?? 100;
  const because = verdict ? verdict.because : 'the copy is ready in every member cluster';
  return {
    kind: 'act',
    act: { do: 'split', split: splitWithK8s(next), cause: 'step', reason: `step ${next} %` },
    because,
    ...(verdict && { verdict }),
  };
}

function onBadVerdict(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
  verdict: Verdict,
): Decision {
  const { gate, onFailure } = migration.spec.rollout;
  const inRow = 1 + failuresInRow(status);
  if (!verdict.obvious && inRow < gate.failures) {
    return {
      kind: 'wait',
      until: null,
      because: `${verdict.because} (${inRow} of ${gate.failures} in a row)`,
      verdict,
    };
  }
  if (onFailure === 'hold') {
    return {
      kind: 'stop',
      outcome: 'held',
      because: verdict.because,
      next: 'meshlift rollback, or meshlift run',
      verdict,
    };
  }
  if (!isDown(seen.vm)) {
    return {
      ...act({ do: 'split', split: allOnVm, cause: 'gate', reason: verdict.because }, verdict.because),
      verdict,
    };
  }
  const because = `${verdict.because}, and ${healthProblem('the VM', seen.vm)}: neither side is good`;
  return { kind: 'stop', outcome: 'held', because, next: 'bring one side back, then: meshlift run', verdict };
}

/** Failed verdicts at the end of the record, for the split that is agreed now. */
function failuresInRow(status: MigrationStatus): number {
  const since = status.agreed?.at ?? '';
  const current = status.verdicts.filter((it) => it.at >= since);
  const lastGood = current.findLastIndex((it) => it.verdict !== 'fail');
  return current.length - 1 - lastGood;
}

function phaseWanted(goal: ForwardGoal): Phase {
  switch (goal.do) {
    case 'join':
      return 'Joined';
    case 'deploy':
      return 'Deployed';
    case 'shift':
      return sameSplit(goal.split, allOnK8s) ? 'Shifted' : 'Shifting';
    case 'complete':
      return 'Completed';
    case 'retire':
      return 'Retired';
    case 'run':
      return goal.until;
  }
}

function phaseBefore(goal: Exclude<ForwardGoal, { do: 'run' }>): Phase {
  switch (goal.do) {
    case 'join':
      return 'Planned';
    case 'deploy':
      return 'Joined';
    case 'shift':
      return 'Deployed';
    case 'complete':
      return 'Deployed';
    case 'retire':
      return 'Completed';
  }
}

function outOfOrder(phase: Phase, goal: Goal): Decision {
  const next: Record<Phase, string> = {
    Planned: 'meshlift vm join',
    Joined: 'meshlift deploy',
    Deployed: 'meshlift shift 20, or meshlift run',
    Shifting: 'meshlift shift 100, then meshlift complete, or meshlift run',
    Shifted: 'meshlift complete',
    Completed: 'meshlift retire',
    Retired: 'start a new migration',
  };
  return refused(`${goal.do} doesn't follow ${phase}`, next[phase]);
}

function healthProblem(name: string, health: Health): string {
  switch (health.is) {
    case 'healthy':
      return `${name} is healthy`;
    case 'absent':
      return `${name} is not there`;
    case 'unhealthy':
      return `${name} is not healthy: ${health.why}`;
    case 'unknown':
      return `it is not known whether ${name} is healthy: ${health.why}`;
  }
}

function act(
  it: Extract<Decision, { kind: 'act' }>['act'],
  because: string,
): Extract<Decision, { kind: 'act' }> {
  return { kind: 'act', act: it, because };
}

function done(because: string): Decision {
  return { kind: 'stop', outcome: 'done', because, next: 'meshlift status' };
}

function held(because: string, next: string): Decision {
  return { kind: 'stop', outcome: 'held', because, next };
}

function refused(because: string, next: string): Decision {
  return { kind: 'stop', outcome: 'refused', because, next };
}
