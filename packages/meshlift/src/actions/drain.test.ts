import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drive } from '../engine/engine.ts';
import { readStatus } from '../engine/journal.ts';
import type { FakeProxy } from '../engine/testdata/fake-proxy.ts';
import { FakeWorld } from '../engine/testdata/fake-world.ts';
import type { Goal } from '../migration/decision.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';

vi.setConfig({ testTimeout: 60_000 });

const run: Goal = { do: 'run', until: 'Completed' };

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld({ drain: { deadline: '20s' } });
});
afterEach(() => world.stop());

function caller(): FakeProxy {
  const found = world.proxies.find(({ name }) => name === 'frontend-1');
  if (!found) throw new TypeError('no frontend');
  return found;
}

function sideHosts(): number {
  return world.clusters.cluster2.objects().filter(({ kind }) => kind === 'ServiceEntry').length;
}

async function deployed(): Promise<void> {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
}

test('what still runs on the side that was left is counted, recorded and told', async () => {
  await deployed();
  caller().streams.vm = 3;
  await drive(world.engine(), { do: 'shift', split: splitWithK8s(100) });
  const { splits } = await readStatus(world.engine());
  expect(splits.at(-1)?.stillRunning).toEqual({ side: 'vm', running: 3, unread: 0 });
  expect(world.events.find(({ code }) => code === 'still-running')?.message).toMatch(
    /3 requests .* on the vm side, most from default\/frontend-1 in cluster2/,
  );
});

test('completing takes the route away, and the side hosts only when nothing runs by way of them', async () => {
  await deployed();
  const { streams } = caller();
  streams.k8s = 2;
  streams.vm = 1;
  const completing = drive(world.engine(), run);
  // By the world's own clock: real time would pass far too slowly for it.
  while (!world.events.some(({ code }) => code === 'drain')) await world.clock.wait(200);
  expect(world.object('cluster2', 'VirtualService')).toBeUndefined();
  expect(sideHosts()).toBe(4);
  streams.k8s = 0;
  streams.vm = 0;
  expect((await completing).outcome).toBe('done');
  expect(sideHosts()).toBe(0);
  expect(world.lost).toBe(0);
});

test('streams that do not end hold the completion after the deadline, and the next one goes on', async () => {
  await deployed();
  caller().streams.k8s = 1;
  await expect(drive(world.engine(), run)).rejects.toMatchObject({
    code: 'still-running',
    message: expect.stringMatching(/1 on the copy, from default\/frontend-1 in cluster2 after 20s/),
  });
  expect(sideHosts()).toBe(4);
  expect((await readStatus(world.engine())).phase).toBe('Shifted');
  caller().streams.k8s = 0;
  expect((await drive(world.engine(), run)).status.phase).toBe('Completed');
  expect(sideHosts()).toBe(0);
});

test('told to proceed, completing says what it cuts', async () => {
  world.stop();
  world = new FakeWorld({ drain: { deadline: '5s', onDeadline: 'proceed' } });
  await deployed();
  caller().streams.k8s = 1;
  expect((await drive(world.engine(), run)).status.phase).toBe('Completed');
  expect(world.events.find(({ code, level }) => code === 'drain' && level === 'warning')?.message).toMatch(
    /1 on the copy.*going on all the same/,
  );
  expect(sideHosts()).toBe(0);
});

test('a caller that can not be read is waited for: what it has under way is unknown, not nothing', async () => {
  await deployed();
  const silent = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'silent-1', namespace: 'default' },
    spec: {},
    status: { phase: 'Running', containerStatuses: [{ name: 'istio-proxy', containerID: 'x' }] },
  };
  world.clusters.cluster2.onWrite(({ verb, object }) => {
    if (verb === 'delete' && object.kind === 'VirtualService') world.clusters.cluster2.put(silent);
  });
  await expect(drive(world.engine(), run)).rejects.toMatchObject({
    code: 'still-running',
    message: expect.stringContaining("what default/silent-1 in cluster2 has under way can't be read"),
  });
  expect(sideHosts()).toBe(4);
});

test('retiring waits for what the VM itself still answers', async () => {
  await deployed();
  await drive(world.engine(), run);
  world.vm.streams = 2;
  await expect(drive(world.engine(), { do: 'retire' })).rejects.toMatchObject({
    code: 'still-running',
    message: expect.stringContaining('2 requests still run on it'),
  });
  expect(world.vm.running).toBe(true);
  world.vm.streams = 0;
  expect((await drive(world.engine(), { do: 'retire' })).status.phase).toBe('Retired');
});
