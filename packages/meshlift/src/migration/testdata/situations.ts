import type { Histogram } from '../../metrics/histogram.ts';
import { sampleMigration } from '../../spec/testdata/sample-migration.ts';
import type { Decision, Goal } from '../decision.ts';
import type { GateWindow, SideWindow } from '../gate.ts';
import type { Health, MemberObservation, Observation } from '../observation.ts';
import type { Phase } from '../phase.ts';
import { type MigrationStatus, plannedStatus, type VerdictRecord } from '../status.ts';
import { splitWithK8s } from '../traffic-split.ts';

/** Situations of a migration, in the words of the tests of decide. */
export const migration = sampleMigration({ rollout: { steps: [20, 50, 100], hold: '30s' } });
export const { gate } = migration.spec.rollout;
export const now = Date.parse('2026-11-23T07:12:00.000Z');
export const at = (seconds: number) => new Date(now + seconds * 1_000).toISOString();

export const healthy: Health = { is: 'healthy' };
export const unhealthy: Health = { is: 'unhealthy', why: 'its probe fails' };
export const unknown: Health = { is: 'unknown', why: 'cluster1 does not answer' };
export const absent: Health = { is: 'absent' };
export const cutOff: MemberObservation = { reachable: false, why: 'the connection timed out' };

export function side(change: Partial<SideWindow> = {}): SideWindow {
  return { requests: 1_000, failed: 0, caught: 0, latency: latency(change.requests ?? 1_000, 40), ...change };
}
/** All values between half of `ms` and `ms`, which is thus about their p99. */
export function latency(count: number, ms: number): Histogram {
  const bounds = [...new Set([1, 5, 10, 50, 100, 500, 1_000, ms / 2, ms])].toSorted((a, b) => a - b);
  return {
    bounds: [...bounds, Number.POSITIVE_INFINITY],
    cumulative: [...bounds.map((bound) => (bound < ms ? 0 : count)), count],
    sum: count * ms * 0.75,
  };
}
export const good: GateWindow = { known: true, vm: side(), k8s: side() };
export const bad: GateWindow = { known: true, vm: side(), k8s: side({ failed: 20 }) };
export const obviouslyBad: GateWindow = { known: true, vm: side(), k8s: side({ failed: 500 }) };
export const few: GateWindow = { known: true, vm: side(), k8s: side({ requests: 30 }) };
export const noMetrics: GateWindow = { known: false, because: 'no metrics from cluster2' };

/** A migration in this phase with this split agreed a second ago, and nothing in between. */
export function status(phase: Phase, k8s: number | null, change: Partial<MigrationStatus> = {}): MigrationStatus {
  const agreed = k8s === null ? null : { generation: 7, split: splitWithK8s(k8s), at: at(-1) };
  return {
    ...plannedStatus,
    phase,
    generation: 7,
    agreed,
    intent: agreed && { generation: 7, split: agreed.split, reason: 'step' },
    ...change,
  };
}

export function route(k8s: number, generation = 7): MemberObservation {
  return { reachable: true, route: { found: 'ours', generation, split: splitWithK8s(k8s) } };
}

/** The world as it is when all is well and both members have this split. */
export function world(k8s: number | null, change: Partial<Observation> = {}): Observation {
  const member: MemberObservation = k8s === null ? { reachable: true, route: { found: 'none' } } : route(k8s);
  return {
    members: { cluster1: member, cluster2: member },
    vm: healthy,
    copy: healthy,
    window: good,
    gates: [],
    predecessors: [],
    ...change,
  };
}

export const run: Goal = { do: 'run', until: 'Retired' };
export const shift = (k8s: number): Goal => ({ do: 'shift', split: splitWithK8s(k8s) });
export const interrupted = (k8s: number) => ({
  generation: 8,
  intent: { generation: 8, split: splitWithK8s(k8s), reason: 'step' },
});
export const verdicts = (...all: VerdictRecord['verdict'][]): Partial<MigrationStatus> => ({
  verdicts: all.map((verdict, i) => ({
    at: at(-0.5 + i / 100),
    split: splitWithK8s(20),
    verdict,
    because: 'because',
    sides: { vm: { requests: 0, failed: 0, p99Ms: null }, k8s: { requests: 0, failed: 0, p99Ms: null } },
  })),
});

/** What a decision comes down to, short enough for a table. */
export function gist(decision: Decision): string {
  switch (decision.kind) {
    case 'act':
      return decision.act.do === 'split'
        ? `${decision.act.cause} ${decision.act.split.k8s} %`
        : decision.act.do;
    case 'record':
      return `record ${decision.phase}`;
    case 'wait':
      return decision.until === null ? 'wait' : `wait ${(decision.until - now) / 1_000} s`;
    case 'stop':
      return decision.outcome;
  }
}
