import { formatDuration } from '../spec/duration.ts';
import type { Migration } from '../spec/migration.ts';
import { act, type Decision, done, type ForwardGoal, held, wait } from './decision.ts';
import { judge, type Verdict } from './gate.ts';
import { healthProblem, isDown } from './health.ts';
import type { Observation } from './observation.ts';
import { outOfOrder } from './order-of-commands.ts';
import { reached } from './phase.ts';
import type { MigrationStatus } from './status.ts';
import {
  allOnK8s,
  allOnVm,
  formatSplit,
  sameSplit,
  splitWithK8s,
  type TrafficSplit,
} from './traffic-split.ts';
import { withUserGates } from './user-gate.ts';

export function shifting(
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
  if (current.k8s === 0) {
    const holds = isDown(seen.vm) && migration.spec.rollout.onVmFailure === 'hold';
    if (holds) return waitForVm(seen);
    return mirrorFirst(migration, status, seen) ?? nextStep(migration, current, seen, null);
  }

  const verdict = withUserGates(judge(migration.spec.rollout.gate, seen.window), seen.gates);
  if (verdict.verdict === 'fail') return onBadVerdict(migration, status, seen, verdict);
  if (isDown(seen.vm) && current.k8s < 100) return withoutVm(migration, seen, verdict);
  if (verdict.verdict !== 'pass') return wait(lacking(verdict), verdict.because, verdict);

  const heldUntil = Date.parse(status.agreed?.at ?? '') + migration.spec.rollout.hold;
  if (now < heldUntil) {
    const because = `${verdict.because}; ${current.k8s} % is held for ${formatDuration(migration.spec.rollout.hold)}`;
    return { kind: 'wait', for: 'time', until: heldUntil, because, verdict };
  }
  if (current.k8s === 100) return { kind: 'record', phase: 'Shifted', because: verdict.because, verdict };
  return nextStep(migration, current, seen, verdict);
}

/** Before any customer is sent to the copy, and again after it was taken back: what was mirrored then was another copy. */
function mirrorFirst(migration: Migration, status: MigrationStatus, seen: Observation): Decision | null {
  if (!migration.spec.rollout.mirror || isDown(seen.vm) || seen.copy.is !== 'healthy') return null;
  const { mirrored } = status;
  const shiftedSince = status.splits.some(({ split, at }) => split.k8s > 0 && at > (mirrored?.at ?? ''));
  if (mirrored?.verdict === 'pass' && !shiftedSince) return null;
  return act({ do: 'mirror' }, 'the copy answers mirrored requests before it answers customers');
}

/**
 * The VM is down while both sides are meant to serve: the healthy side is the safe one, but only a copy that has
 * conclusively passed is known to be it. Until then, and where the user wants it so, everything stays in place.
 */
function withoutVm(migration: Migration, seen: Observation, verdict: Verdict): Decision {
  const problem = healthProblem('the VM', seen.vm);
  if (migration.spec.rollout.onVmFailure === 'hold') return waitForVm(seen, verdict);
  if (verdict.verdict !== 'pass') return wait(lacking(verdict), `${problem}; ${verdict.because}`, verdict);
  if (seen.copy.is !== 'healthy') {
    return wait('copy', `${problem}, and ${healthProblem('the copy', seen.copy)}`, verdict);
  }
  const reason = `${problem}, and the copy has passed: ${verdict.because}`;
  return { ...act({ do: 'split', split: allOnK8s, cause: 'forward', reason }, reason), verdict };
}

function waitForVm(seen: Observation, verdict?: Verdict): Decision {
  const because = `${healthProblem('the VM', seen.vm)}, and the split stays as it is (rollout.onVmFailure: hold)`;
  return wait('vm', because, verdict);
}

function lacking({ verdict }: Verdict): 'traffic' | 'metrics' {
  return verdict === 'error' ? 'metrics' : 'traffic';
}

/** Completing takes the safety net away, so nothing but a healthy copy may be left alone. */
function completing(seen: Observation): Decision {
  if (seen.copy.is === 'healthy') return act({ do: 'complete' }, '100 % on Kubernetes was held for its time');
  return wait('copy', `${healthProblem('the copy', seen.copy)}, so it is not left alone`);
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
    return wait('copy', `${healthProblem('the copy', seen.copy)}, so no more traffic goes to it`);
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

/** What a copy that fails beyond doubt asks for even while a cluster is out of sight; null when it does not. */
export function failsBeyondDoubt(
  migration: Migration,
  status: MigrationStatus,
  seen: Observation,
): Decision | null {
  if (!status.agreed || status.agreed.split.k8s === 0 || reached(status.phase, 'Completed')) return null;
  const verdict = judge(migration.spec.rollout.gate, seen.window);
  return verdict.obvious ? onBadVerdict(migration, status, seen, verdict) : null;
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
    return wait('gate', `${verdict.because} (${inRow} of ${gate.failures} in a row)`, verdict);
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
