import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { decide } from './decide.ts';
import type { Decision, Goal } from './decision.ts';
import { judge } from './gate.ts';
import type { Health, MemberObservation, Observation } from './observation.ts';
import { withPatience } from './patience.ts';
import { type Phase, phases, reached } from './phase.ts';
import type { MigrationStatus, VerdictRecord } from './status.ts';
import {
  absent,
  at,
  bad,
  cutOff,
  few,
  gist,
  good,
  healthy,
  interrupted,
  migration,
  noMetrics,
  now,
  obviouslyBad,
  route,
  shift,
  status,
  unhealthy,
  unknown,
  verdicts,
} from './testdata/situations.ts';
import { allOnK8s, allOnVm, splitWithK8s, type TrafficSplit } from './traffic-split.ts';

const { gate } = migration.spec.rollout;
const holding = sampleMigration({ rollout: { steps: [20, 50, 100], hold: '30s', onVmFailure: 'hold' } });
const share = fc.integer({ min: 0, max: 100 });
const anyHealth = fc.constantFrom(healthy, unhealthy, unknown, absent);
const anyWindow = fc.constantFrom(good, bad, obviouslyBad, few, noMetrics);
const anyGoal: fc.Arbitrary<Goal> = fc.oneof(
  fc.constantFrom<Goal>(
    { do: 'join' },
    { do: 'deploy' },
    { do: 'complete' },
    { do: 'retire' },
    { do: 'rollback' },
    { do: 'rollback', force: true },
    { do: 'run', until: 'Completed' },
    { do: 'run', until: 'Retired' },
  ),
  share.map(shift),
);
const anyPhase = fc.constantFrom(...(Object.keys(phases) as Phase[]));
const anyStatus: fc.Arbitrary<MigrationStatus> = fc
  .record({
    phase: anyPhase,
    agreed: share,
    ageSeconds: fc.integer({ min: 0, max: 60 }),
    unsettled: fc.option(share),
    record: fc.array(fc.constantFrom<VerdictRecord['verdict']>('pass', 'fail', 'inconclusive', 'error'), {
      maxLength: 4,
    }),
  })
  .map(({ phase, agreed, ageSeconds, unsettled, record }) => {
    const routed = reached(phase, 'Joined') && !reached(phase, 'Completed');
    const k8s = !routed ? null : phase === 'Shifted' ? 100 : reached(phase, 'Shifting') ? agreed : 0;
    const base = status(phase, k8s, verdicts(...record));
    return {
      ...base,
      agreed: base.agreed && { ...base.agreed, at: at(-ageSeconds) },
      ...(unsettled !== null && !reached(phase, 'Completed') && interrupted(unsettled)),
    };
  });
/** What a member may have: most of the time what was agreed, now and then anything. */
function anyMember(agreed: number): fc.Arbitrary<MemberObservation> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(route(agreed)) },
    { weight: 1, arbitrary: fc.constant(cutOff) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<MemberObservation>(
        { reachable: true, route: { found: 'none' } },
        { reachable: true, route: { found: 'edited' } },
        {
          reachable: true,
          route: { found: 'ours', generation: 7, split: splitWithK8s(agreed) },
          damage: 'ServiceEntry x was deleted',
        },
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(share, fc.integer({ min: 1, max: 9 }))
        .map(([k8s, generation]) => route(k8s, generation)),
    },
  );
}
const anySituation = anyStatus.chain((before) => {
  const k8s = before.agreed?.split.k8s ?? 0;
  return fc.record({
    before: fc.constant(before),
    goal: anyGoal,
    seen: fc.record({
      members: fc.record({ cluster1: anyMember(k8s), cluster2: anyMember(k8s) }),
      vm: anyHealth,
      copy: anyHealth,
      window: anyWindow,
      gates: fc.constant([]),
      predecessors: fc.constantFrom<Observation['predecessors']>(
        [],
        [],
        [{ migration: 'default/cart', wanted: 'Completed', phase: 'Completed' }],
        [{ migration: 'default/cart', wanted: 'Completed', phase: 'Shifting' }],
        [{ migration: 'default/cart', wanted: 'Shifted', phase: null }],
      ),
    }),
  });
});

interface Situation {
  readonly before: MigrationStatus;
  readonly goal: Goal;
  readonly seen: Observation;
}

/** In every situation there is, whatever the decision. */
function always(claim: (decision: Decision, situation: Situation) => void): void {
  fc.assert(
    fc.property(anySituation, (situation) => {
      const { before, goal, seen } = situation;
      claim(decide(migration, before, seen, goal, now), situation);
    }),
    { numRuns: 2_000 },
  );
}

function splitOf(decision: Decision): TrafficSplit | null {
  return decision.kind === 'act' && decision.act.do === 'split' ? decision.act.split : null;
}

function isUnsettled({ intent, agreed }: MigrationStatus): boolean {
  return intent !== null && intent.generation !== agreed?.generation;
}

function isDown(vm: Health): boolean {
  return vm.is === 'unhealthy' || vm.is === 'absent';
}

/** Every split that some proxy may serve, as far as is known. */
function inForce({ before, seen }: Situation): readonly TrafficSplit[] {
  const routes = Object.values(seen.members).flatMap((member) =>
    member.reachable && member.route.found === 'ours' ? [member.route.split] : [],
  );
  const written = isUnsettled(before) && before.intent ? [before.intent.split] : [];
  return [before.agreed?.split ?? allOnVm, ...written, ...(written.length === 0 ? routes : [])];
}

describe('in every situation', () => {
  test('the same arguments give the same decision, and are not changed', () => {
    always((decision, { before, goal, seen }) => {
      const copies = structuredClone({ before, goal, seen });
      expect(decide(migration, copies.before, copies.seen, copies.goal, now)).toEqual(decision);
      expect(copies).toEqual({ before, goal, seen });
    });
  });

  test('a split that is decided sums to 100, and every decision says why', () => {
    always((decision) => {
      const split = splitOf(decision);
      if (split) expect(splitWithK8s(split.k8s)).toEqual(split);
      expect(decision.because).not.toBe('');
      expect(decision.because).not.toMatch(/undefined|NaN|\[object/);
      if (decision.kind === 'stop') expect(decision.next).not.toBe('');
    });
  });

  test('nothing goes on before an interrupted write is settled', () => {
    always((decision, { before }) => {
      if (!isUnsettled(before) || before.phase === 'Retired') return;
      expect(gist(decision)).toMatch(/^(settle|rollback|gate 0 %|held|refused|wait$)/);
    });
  });

  test('a copy that is not known to be healthy never gets more traffic', () => {
    always((decision, situation) => {
      const split = splitOf(decision);
      if (!split || situation.seen.copy.is === 'healthy') return;
      for (const current of inForce(situation)) expect(split.k8s).toBeLessThanOrEqual(current.k8s);
    });
  });

  test('a VM that is known to be down never gets more traffic, unless the copy is no better', () => {
    always((decision, situation) => {
      const split = splitOf(decision);
      const { goal } = situation;
      if (goal.do === 'rollback' && goal.force) return;
      if (!split || !isDown(situation.seen.vm) || situation.seen.copy.is !== 'healthy') return;
      for (const current of inForce(situation)) expect(split.vm).toBeLessThanOrEqual(current.vm);
    });
  });

  test('with a member cut off, nothing but a rollback acts, or a copy that fails beyond doubt', () => {
    always((decision, { before, goal, seen }) => {
      if (Object.values(seen.members).every((member) => member.reachable)) return;
      if (goal.do === 'rollback' || before.phase === 'Retired') return;
      const { verdict, obvious } = judge(gate, seen.window);
      if (gist(decision) === 'gate 0 %') expect([verdict, obvious]).toEqual(['fail', true]);
      else expect(gist(decision)).toMatch(/^(held|wait)$/);
    });
  });

  test('a failed gate waits for the next look, goes back to the VM, or holds', () => {
    always((decision) => {
      if (decision.verdict?.verdict !== 'fail') return;
      expect(gist(decision)).toMatch(/^(wait|gate 0 %|held)$/);
    });
  });

  test('a step forward, and 100 % being done, need a verdict that passed, except the very first step', () => {
    always((decision, { before, seen }) => {
      const steps = decision.kind === 'act' && decision.act.do === 'split' && decision.act.cause === 'step';
      if (!steps && decision.kind !== 'record') return;
      if (before.agreed?.split.k8s === 0) return;
      expect(judge(gate, seen.window).verdict).toBe('pass');
      expect(decision.verdict?.verdict).toBe('pass');
    });
  });

  test('a metrics outage never takes anything back by itself', () => {
    always((decision, { seen }) => {
      if (!seen.window.known) expect(gist(decision)).not.toMatch(/^gate/);
    });
  });

  test('a rollback acts as soon as the VM may take the traffic, and only towards the VM', () => {
    always((decision, { before, goal, seen }) => {
      if (goal.do !== 'rollback') return;
      expect(gist(decision)).toMatch(/^(rollback 0 %|done|refused)$/);
      const possible =
        reached(before.phase, 'Joined') &&
        before.phase !== 'Retired' &&
        (goal.force === true || !isDown(seen.vm));
      expect(gist(decision) === 'refused').toBe(!possible);
    });
  });

  test('a wait for anything but time tries somebody’s patience, which ends, or was asked for', () => {
    always((decision, { before, goal }) => {
      if (decision.kind !== 'wait') return;
      if (decision.for === 'time') return expect(decision.until).toBeGreaterThan(now);
      expect(decision.until).toBeNull();
      if (decision.for === 'resume') return expect(before.paused).not.toBeNull();
      const { deadlines } = migration.spec;
      const after = (ms: number) => withPatience(decision, { deadlines, goal, since: now, now: now + ms });
      expect(after(0)).toEqual(decision);
      expect(after(24 * 3_600_000)).toMatchObject({ kind: 'stop', outcome: 'held' });
    });
  });

  test('all goes forward at once only when the VM is down, and the copy healthy and conclusively good', () => {
    always((decision, { before, seen }) => {
      if (decision.kind !== 'act' || decision.act.do !== 'split' || decision.act.cause !== 'forward') return;
      expect(decision.act.split).toEqual(allOnK8s);
      expect(before.agreed?.split.k8s).toBeGreaterThan(0);
      expect(isDown(seen.vm)).toBe(true);
      expect(seen.copy.is).toBe('healthy');
      expect(judge(gate, seen.window).verdict).toBe('pass');
    });
  });

  test('with onVmFailure: hold, a VM that is down stops the way forward', () => {
    always((_decision, { before, goal, seen }) => {
      const { agreed, phase } = before;
      if (!isDown(seen.vm) || !agreed || agreed.split.k8s === 100 || !reached(phase, 'Deployed')) return;
      if (goal.do !== 'run') return;
      const decision = decide(holding, before, seen, goal, now);
      expect(gist(decision)).toMatch(/^(wait|held|done|settle \d+ %|drift \d+ %|gate 0 %)$/);
    });
  });

  test('while it is paused nothing goes forward, and what safety needs is done', () => {
    always((decision, { before, goal, seen }) => {
      const paused = { at: at(-5), by: 'olga@desk', reason: null };
      const then = decide(migration, { ...before, paused }, seen, goal, now);
      const safety = /^(settle|drift|gate|forward|rollback|wait|held|refused|done)/;
      expect(gist(then)).toMatch(safety);
      if (safety.test(gist(decision))) expect(then).toEqual(decision);
    });
  });

  test('nothing begins before the migrations that it comes after', () => {
    always((decision, { before, goal, seen }) => {
      const early = seen.predecessors.some((it) => it.phase !== 'Completed');
      if (!early || goal.do === 'rollback' || reached(before.phase, 'Shifting')) return;
      expect(gist(decision)).toMatch(/^(wait|held|settle \d+ %|drift \d+ %)$/);
    });
  });

  test('each act belongs to its phase', () => {
    const phaseOf = {
      join: 'Planned',
      deploy: 'Joined',
      mirror: 'Deployed',
      complete: 'Shifted',
      retire: 'Completed',
    } as const;
    always((decision, { before, seen }) => {
      if (decision.kind !== 'act' || decision.act.do === 'split') return;
      if (decision.act.do === 'rejoin') {
        expect(['Joined', 'Deployed', 'Shifting', 'Shifted']).toContain(before.phase);
        expect(['absent', 'unhealthy']).toContain(seen.vm.is);
        return;
      }
      expect(before.phase).toBe(phaseOf[decision.act.do]);
      if (decision.act.do === 'complete') expect(seen.copy.is).toBe('healthy');
    });
  });
});
