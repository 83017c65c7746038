import { describe, expect, test } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { decide } from './decide.ts';
import type { Goal } from './decision.ts';
import type { Observation } from './observation.ts';
import type { Phase } from './phase.ts';
import type { MigrationStatus } from './status.ts';
import {
  absent,
  at,
  bad,
  cutOff,
  few,
  gist,
  interrupted,
  migration,
  noMetrics,
  now,
  obviouslyBad,
  route,
  run,
  shift,
  status,
  unhealthy,
  unknown,
  verdicts,
  world,
} from './testdata/situations.ts';
import { allOnVm, splitWithK8s, type TrafficSplit } from './traffic-split.ts';

type Scenario = readonly [
  title: string,
  goal: Goal,
  status: MigrationStatus,
  seen: Observation,
  expected: string,
];

const forward: readonly Scenario[] = [
  ['a planned migration begins with the VM', run, status('Planned', null), world(null), 'join'],
  ['a joined VM gets its copy', run, status('Joined', 0), world(0, { copy: absent }), 'deploy'],
  ['a deployed copy gets the first step', run, status('Deployed', 0), world(0, { window: few }), 'step 20 %'],
  ['a step is held for its time', run, status('Shifting', 20), world(20), 'wait 29 s'],
  [
    'a held step that passes is followed by the next',
    run,
    status('Shifting', 20, held()),
    world(20),
    'step 50 %',
  ],
  [
    'steps that were left out by hand are not made up for',
    run,
    status('Shifting', 60, held(60)),
    world(60),
    'step 100 %',
  ],
  [
    'a held 100 % is recorded as shifted',
    run,
    status('Shifting', 100, held(100)),
    world(100),
    'record Shifted',
  ],
  ['a shifted migration is completed', run, status('Shifted', 100), world(100), 'complete'],
  ['a completed migration is retired', run, status('Completed', null), world(null), 'retire'],
  [
    'a run that ends with completion stops there',
    { do: 'run', until: 'Completed' },
    status('Completed', null),
    world(null),
    'done',
  ],
  ['a finished migration is left alone', run, status('Retired', null), world(null), 'done'],
  ['joining twice does nothing', { do: 'join' }, status('Joined', 0), world(0), 'done'],
  [
    'a VM that is gone from the mesh joins again',
    { do: 'join' },
    status('Shifting', 20),
    world(20, { vm: absent }),
    'rejoin',
  ],
  [
    'a VM that is not healthy joins again',
    { do: 'join' },
    status('Joined', 0),
    world(0, { vm: unhealthy }),
    'rejoin',
  ],
  [
    'a VM of which nobody knows is left alone',
    { do: 'join' },
    status('Joined', 0),
    world(0, { vm: unknown }),
    'done',
  ],
  [
    'a VM that is no longer needed does not join again',
    { do: 'join' },
    status('Completed', null),
    world(null, { vm: absent }),
    'done',
  ],
  ['deploying twice does nothing', { do: 'deploy' }, status('Deployed', 0), world(0), 'done'],
  ['a shift by hand is done at once', shift(35), status('Deployed', 0), world(0), 'shift 35 %'],
  ['a shift that is in force already does nothing', shift(20), status('Shifting', 20), world(20), 'done'],
  ['a shift back by hand is a shift', shift(5), status('Shifting', 20), world(20), 'shift 5 %'],
  [
    'complete at 100 % waits for its time',
    { do: 'complete' },
    status('Shifting', 100),
    world(100),
    'wait 29 s',
  ],
];

const refusals: readonly Scenario[] = [
  ['deploying before joining', { do: 'deploy' }, status('Planned', null), world(null), 'refused'],
  ['shifting before deploying', shift(20), status('Joined', 0), world(0), 'refused'],
  ['shifting after completion', shift(20), status('Completed', null), world(null), 'refused'],
  ['completing at 50 %', { do: 'complete' }, status('Shifting', 50, held(50)), world(50), 'refused'],
  ['completing at 0 %', { do: 'complete' }, status('Deployed', 0), world(0), 'refused'],
  ['retiring before completion', { do: 'retire' }, status('Shifted', 100), world(100), 'refused'],
  ['rolling back what has not begun', { do: 'rollback' }, status('Planned', null), world(null), 'refused'],
  [
    'rolling back onto a VM that is retired',
    { do: 'rollback' },
    status('Retired', null),
    world(null),
    'refused',
  ],
  [
    'rolling back onto a dead VM',
    { do: 'rollback' },
    status('Shifting', 50),
    world(50, { vm: unhealthy }),
    'refused',
  ],
  [
    'rolling back onto a VM that left',
    { do: 'rollback' },
    status('Shifted', 100),
    world(100, { vm: absent }),
    'refused',
  ],
  ['joining again after the VM was retired', { do: 'join' }, status('Retired', null), world(null), 'refused'],
];

const trouble: readonly Scenario[] = [
  ['one failed verdict is waited out', run, status('Shifting', 20), world(20, { window: bad }), 'wait'],
  [
    'the second failed verdict in a row takes everything back',
    run,
    status('Shifting', 20, verdicts('fail')),
    world(20, { window: bad }),
    'gate 0 %',
  ],
  [
    'a pass between two failures starts the count anew',
    run,
    status('Shifting', 20, verdicts('fail', 'pass')),
    world(20, { window: bad }),
    'wait',
  ],
  [
    'failures before the split was agreed do not count',
    run,
    status('Shifting', 20, {
      ...verdicts('fail'),
      agreed: { generation: 7, split: splitWithK8s(20), at: at(0) },
    }),
    world(20, { window: bad }),
    'wait',
  ],
  [
    'an obvious failure does not wait for a second one',
    run,
    status('Shifting', 20),
    world(20, { window: obviouslyBad }),
    'gate 0 %',
  ],
  [
    'a failure at 100 % goes back as well',
    run,
    status('Shifting', 100),
    world(100, { window: obviouslyBad }),
    'gate 0 %',
  ],
  [
    'a failure holds where the VM is dead too',
    run,
    status('Shifting', 20),
    world(20, { window: obviouslyBad, vm: unhealthy }),
    'held',
  ],
  [
    'a failure goes back to a VM of which nothing is known',
    run,
    status('Shifting', 20),
    world(20, { window: obviouslyBad, vm: unknown }),
    'gate 0 %',
  ],
  [
    'too few requests hold, whatever the time',
    run,
    status('Shifting', 20, held()),
    world(20, { window: few }),
    'wait',
  ],
  [
    'missing metrics hold, whatever the time',
    run,
    status('Shifting', 20, held()),
    world(20, { window: noMetrics }),
    'wait',
  ],
  [
    'a copy that is not healthy gets no next step',
    run,
    status('Shifting', 20, held()),
    world(20, { copy: unhealthy }),
    'wait',
  ],
  [
    'a copy of which nothing is known gets no first step',
    run,
    status('Deployed', 0),
    world(0, { copy: unknown }),
    'wait',
  ],
  [
    'a copy that is not healthy is not left without the VM',
    run,
    status('Shifted', 100),
    world(100, { copy: unhealthy }),
    'wait',
  ],
  [
    'nobody shifts by hand onto a copy that is not healthy',
    shift(50),
    status('Shifting', 20),
    world(20, { copy: unhealthy }),
    'held',
  ],
  [
    'nobody shifts by hand onto a VM of which nothing is known',
    shift(5),
    status('Shifting', 20),
    world(20, { vm: unknown }),
    'held',
  ],
  [
    'a member that is cut off stops the way forward',
    shift(50),
    status('Shifting', 20, held()),
    world(20, { members: { cluster1: route(20), cluster2: cutOff } }),
    'held',
  ],
  [
    'a run waits for a member that is cut off',
    run,
    status('Shifting', 20, held()),
    world(20, { members: { cluster1: route(20), cluster2: cutOff } }),
    'wait',
  ],
  [
    'whoever has an interrupted write to settle waits for the member that is cut off',
    shift(50),
    status('Shifting', 20, interrupted(20)),
    world(20, { members: { cluster1: route(20), cluster2: cutOff } }),
    'wait',
  ],
  [
    'when the VM dies all goes to a copy that has passed, without waiting for its time',
    run,
    status('Shifting', 20),
    world(20, { vm: unhealthy }),
    'forward 100 %',
  ],
  [
    'when the VM dies nothing moves as long as the copy has not been judged',
    run,
    status('Shifting', 20, held()),
    world(20, { vm: unhealthy, window: few }),
    'wait',
  ],
  [
    'when the VM dies nothing moves without metrics',
    run,
    status('Shifting', 20, held()),
    world(20, { vm: unhealthy, window: noMetrics }),
    'wait',
  ],
  [
    'when the VM dies nothing moves to a copy whose pods are not ready',
    run,
    status('Shifting', 20, held()),
    world(20, { vm: unhealthy, copy: unhealthy }),
    'wait',
  ],
  [
    'a VM that dies once all is on the copy changes nothing',
    run,
    status('Shifting', 100, held(100)),
    world(100, { vm: unhealthy }),
    'record Shifted',
  ],
  [
    'a rollback onto a dead VM is done for whoever insists',
    { do: 'rollback', force: true },
    status('Shifting', 50),
    world(50, { vm: unhealthy }),
    'rollback 0 %',
  ],
  [
    'a rollback moves what can be reached',
    { do: 'rollback' },
    status('Shifting', 20),
    world(20, { members: { cluster1: route(20), cluster2: cutOff } }),
    'rollback 0 %',
  ],
  [
    'a rollback to what is there already does nothing',
    { do: 'rollback' },
    status('Deployed', 0),
    world(0),
    'done',
  ],
  [
    'a rollback goes over an interrupted write',
    { do: 'rollback' },
    status('Deployed', 0, interrupted(20)),
    world(0),
    'rollback 0 %',
  ],
];

function routed(k8s: number) {
  return { reachable: true, route: { found: 'ours', generation: 7, split: splitWithK8s(k8s) } } as const;
}

const settling: readonly Scenario[] = [
  [
    'an interrupted write is finished first',
    run,
    status('Shifting', 20, interrupted(50)),
    world(20),
    'settle 50 %',
  ],
  [
    'an interrupted way back is finished first',
    run,
    status('Shifting', 50, interrupted(0)),
    world(50),
    'settle 0 %',
  ],
  [
    'an interrupted first write is finished first',
    { do: 'join' },
    status('Planned', null, interrupted(0)),
    world(null),
    'settle 0 %',
  ],
  [
    'an interrupted step is undone when the copy is not healthy any more',
    run,
    status('Shifting', 20, interrupted(50)),
    world(20, { copy: unhealthy }),
    'settle 20 %',
  ],
  [
    'an interrupted way back is not undone for a copy that is not healthy',
    run,
    status('Shifting', 50, interrupted(20)),
    world(50, { copy: unknown }),
    'settle 20 %',
  ],
  [
    'an interrupted way back stops where the VM has died',
    run,
    status('Shifting', 50, interrupted(0)),
    world(50, { vm: unhealthy }),
    'settle 50 %',
  ],
  [
    'a route that is gone is put back',
    run,
    status('Shifting', 20),
    world(20, { members: { cluster1: route(20), cluster2: { reachable: true, route: { found: 'none' } } } }),
    'drift 20 %',
  ],
  [
    'a route that was edited is put back',
    run,
    status('Shifting', 20),
    world(20, {
      members: { cluster1: { reachable: true, route: { found: 'edited' } }, cluster2: route(20) },
    }),
    'drift 20 %',
  ],
  [
    'other weights are put back',
    run,
    status('Shifting', 20),
    world(20, { members: { cluster1: route(80), cluster2: route(20) } }),
    'drift 20 %',
  ],
  [
    'the same weights of another write are put back',
    run,
    status('Shifting', 20),
    world(20, { members: { cluster1: route(20, 6), cluster2: route(20) } }),
    'drift 20 %',
  ],
  [
    'traffic that someone took from a copy that is not healthy is not given back',
    run,
    status('Shifting', 20),
    world(20, { copy: unhealthy, members: { cluster1: route(0), cluster2: route(20) } }),
    'held',
  ],
  [
    'traffic that someone took from a dead VM is not given back',
    run,
    status('Shifting', 20),
    world(20, { vm: unhealthy, members: { cluster1: route(100), cluster2: route(20) } }),
    'held',
  ],
  [
    'what somebody did to a side host is mended',
    run,
    status('Shifting', 20),
    world(20, {
      members: { cluster1: { ...routed(20), damage: 'ServiceEntry x was deleted' }, cluster2: route(20) },
    }),
    'drift 20 %',
  ],
  [
    'a completion that broke off is finished',
    run,
    status('Shifted', 100),
    world(100, {
      members: { cluster1: { reachable: true, route: { found: 'none' } }, cluster2: route(100) },
    }),
    'complete',
  ],
  [
    'a route that is gone after 100 % was held is put back for whoever wants to shift',
    shift(50),
    status('Shifted', 100),
    world(100, {
      members: { cluster1: { reachable: true, route: { found: 'none' } }, cluster2: route(100) },
    }),
    'drift 100 %',
  ],
  [
    'a route that is gone is put back for a copy that is not healthy',
    run,
    status('Shifted', 100),
    world(100, {
      ...{
        members: { cluster1: { reachable: true, route: { found: 'none' } }, cluster2: route(100) },
      },
      copy: unhealthy,
    }),
    'drift 100 %',
  ],
  [
    'a route that is gone is nothing to mend once completed',
    { do: 'retire' },
    status('Completed', null),
    world(null),
    'retire',
  ],
];

describe('forward', () => test.each(forward)('%s', check));
describe('out of order', () => test.each(refusals)('%s is refused', check));
describe('in trouble', () => test.each(trouble)('%s', check));
describe('settling', () => test.each(settling)('%s', check));

function check(
  _title: string,
  goal: Goal,
  before: MigrationStatus,
  seen: Observation,
  expected: string,
): void {
  expect(gist(decide(migration, before, seen, goal, now))).toBe(expected);
}

/** Agreed so long ago that its time is up. */
function held(k8s = 20): Partial<MigrationStatus> {
  return { agreed: { generation: 7, split: splitWithK8s(k8s), at: at(-31) } };
}

describe('with onVmFailure: hold', () => {
  const holding = sampleMigration({ rollout: { steps: [20, 100], onVmFailure: 'hold' } });
  test.each([0, 20])('a dead VM is waited for at %i %%, and the copy gets no more', (k8s) => {
    const before = status(k8s === 0 ? 'Deployed' : 'Shifting', k8s, k8s === 0 ? {} : held(k8s));
    const decision = decide(holding, before, world(k8s, { vm: unhealthy }), run, now);
    expect(decision).toMatchObject({ kind: 'wait', for: 'vm' });
    expect(decision.because).toContain('onVmFailure');
  });
});

describe('in waves', () => {
  const cart = (phase: Phase | null) => ({
    predecessors: [{ migration: 'default/cart', wanted: 'Completed' as const, phase }],
  });

  test('a run waits until the other has come so far, and says what for', () => {
    for (const phase of [null, 'Planned', 'Shifting', 'Shifted'] as const) {
      const decision = decide(migration, status('Planned', null), world(null, cart(phase)), run, now);
      expect(decision).toMatchObject({ kind: 'wait', for: 'predecessor' });
      expect(decision.because).toContain('default/cart');
    }
    for (const phase of ['Completed', 'Retired'] as const)
      expect(gist(decide(migration, status('Planned', null), world(null, cart(phase)), run, now))).toBe(
        'join',
      );
  });

  test('a single command does not wait', () => {
    expect(gist(decide(migration, status('Deployed', 0), world(0, cart('Shifting')), shift(20), now))).toBe(
      'held',
    );
  });

  test('what has begun goes on, and a rollback never waits', () => {
    expect(gist(decide(migration, status('Shifting', 20, held()), world(20, cart(null)), run, now))).toBe(
      'step 50 %',
    );
    const back: Goal = { do: 'rollback' };
    expect(
      gist(decide(migration, status('Deployed', 0, interrupted(20)), world(0, cart(null)), back, now)),
    ).toBe('rollback 0 %');
  });
});

test('a failed gate holds everything in place where the user wants that', () => {
  const holding = sampleMigration({ rollout: { onFailure: 'hold' } });
  const decision = decide(holding, status('Shifting', 20), world(20, { window: obviouslyBad }), run, now);
  expect(decision).toMatchObject({ kind: 'stop', outcome: 'held', verdict: { verdict: 'fail' } });
});

test('a run with good news all the way takes every step in order, and ends', () => {
  let [current, seen, time] = [status('Planned', null), world(null), now];
  const story: string[] = [];
  for (let i = 0; i < 50; i += 1) {
    const decision = decide(migration, current, seen, run, time);
    if (decision.kind === 'stop') break;
    if (decision.kind === 'wait') {
      time = decision.until ?? Number.NaN;
      continue;
    }
    story.push(gist(decision));
    const split = decision.kind === 'act' && decision.act.do === 'split' ? decision.act.split : null;
    if (decision.kind === 'record') current = { ...current, phase: decision.phase };
    else if (split)
      [current, seen] = [
        after(current, 'Shifting', split, time),
        world(split.k8s, { members: both(split, current.generation + 1) }),
      ];
    else if (decision.act.do === 'join')
      [current, seen] = [
        after(current, 'Joined', allOnVm, time),
        world(0, { members: both(allOnVm, current.generation + 1) }),
      ];
    else if (decision.act.do === 'deploy') current = { ...current, phase: 'Deployed' };
    else if (decision.act.do === 'complete')
      current = { ...current, phase: 'Completed', agreed: null, intent: null };
    else current = { ...current, phase: 'Retired' };
  }
  expect(story).toEqual([
    'join',
    'deploy',
    'step 20 %',
    'step 50 %',
    'step 100 %',
    'record Shifted',
    'complete',
    'retire',
  ]);
  expect(time - now).toBe(3 * 30_000);
});

function after(before: MigrationStatus, phase: Phase, split: TrafficSplit, time: number): MigrationStatus {
  const generation = before.generation + 1;
  const agreed = { generation, split, at: new Date(time).toISOString() };
  return { ...before, phase, generation, agreed, intent: { generation, split, reason: 'step' } };
}

function both(split: TrafficSplit, generation: number): Observation['members'] {
  return { cluster1: route(split.k8s, generation), cluster2: route(split.k8s, generation) };
}
