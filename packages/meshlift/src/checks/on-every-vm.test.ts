import { expect, test } from 'vitest';
import type { EngineContext } from '../engine/context.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { onEveryVm } from './on-every-vm.ts';
import { type Scene, sceneOf } from './scene.ts';

const vm = { ssh: {}, serviceAccount: 'productcatalog', probe: { grpc: { port: 3550 } } };

function scene(...hosts: readonly string[]): Scene {
  const migration = sampleMigration({ vm: { ...vm, hosts: hosts.map((host) => ({ host })) } });
  const home = { name: 'cluster1' };
  return sceneOf({ migration, members: [], home, target: home } as unknown as EngineContext);
}

const full = onEveryVm(async ({ machine }) =>
  machine.host === '10.0.0.6' ? [{ why: 'its disk is full', next: 'make room' }] : [],
);

test('with several VMs, a finding names the one that it is about', async () => {
  expect(await full(scene('10.0.0.5', '10.0.0.6'))).toEqual([
    { why: 'VM 10.0.0.6: its disk is full', next: 'make room' },
  ]);
});

test('with one VM there is no question which is meant', async () => {
  expect(await full(scene('10.0.0.6'))).toEqual([{ why: 'its disk is full', next: 'make room' }]);
});
