import { expect, test } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { decide } from './decide.ts';
import type { MigrationStatus, SplitRecord } from './status.ts';
import { absent, at, gist, now, run, shift, status, unhealthy, world } from './testdata/situations.ts';
import { splitWithK8s } from './traffic-split.ts';

const mirror = { methods: ['/shop.Catalog/List'] };
const migration = sampleMigration({ rollout: { steps: [20, 100], mirror } });

const passed = (seconds: number) => ({ at: at(seconds), verdict: 'pass' as const, because: 'good' });
const split = (k8s: number, seconds: number): SplitRecord => ({
  generation: 1,
  split: splitWithK8s(k8s),
  reason: 'step',
  at: at(seconds),
  outcome: 'agreed',
  clusters: [],
  skewMs: null,
});
const deployed = (change: Partial<MigrationStatus> = {}) => status('Deployed', 0, change);

test.each([
  ['never mirrored', deployed(), world(0), 'mirror'],
  ['mirrored well', deployed({ mirrored: passed(-60) }), world(0), 'step 20 %'],
  ['mirrored badly', deployed({ mirrored: { ...passed(-60), verdict: 'fail' } }), world(0), 'mirror'],
  [
    'taken back since it was mirrored well: that was another copy',
    deployed({ mirrored: passed(-60), splits: [split(20, -50), split(0, -40)] }),
    world(0),
    'mirror',
  ],
  [
    'mirrored well since it was taken back',
    deployed({ mirrored: passed(-30), splits: [split(20, -50), split(0, -40)] }),
    world(0),
    'step 20 %',
  ],
  ['on its way already', status('Shifting', 20), world(20), 'wait 29 s'],
  ['the copy is not there', deployed(), world(0, { copy: absent }), 'wait'],
] as const)('%s', (_name, before, seen, expected) => {
  expect(gist(decide(migration, before, seen, run, now))).toBe(expected);
});

test('with the VM down there is nobody to answer while the copy is tried: it goes forward as it would without', () => {
  const seen = world(0, { vm: unhealthy });
  const without = sampleMigration({ rollout: { steps: [20, 100] } });
  expect(decide(migration, deployed(), seen, run, now)).toEqual(decide(without, deployed(), seen, run, now));
});

test('a step that a person asks for is taken as asked', () => {
  expect(gist(decide(migration, deployed(), world(0), shift(20), now))).toBe('shift 20 %');
});

test('a spec without it never mirrors', () => {
  const without = sampleMigration({ rollout: { steps: [20, 100] } });
  expect(gist(decide(without, deployed(), world(0), run, now))).toBe('step 20 %');
});
