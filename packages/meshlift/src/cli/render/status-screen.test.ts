import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readOnly } from '../../effects/kube/read-only.ts';
import { type EngineContext, withHands } from '../../engine/context.ts';
import { drive } from '../../engine/engine.ts';
import { type LiveView, liveView } from '../../engine/live-view.ts';
import { pause } from '../../engine/pause.ts';
import { FakeWorld } from '../../engine/testdata/fake-world.ts';
import { splitWithK8s } from '../../migration/traffic-split.ts';
import { paint } from './paint.ts';
import { statusChanges } from './status-changes.ts';
import { statusDocument, statusSchema } from './status-document.ts';
import { statusScreen } from './status-screen.ts';

vi.setConfig({ testTimeout: 60_000 });

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());

/** Whatever looking would want to write fails the test. */
function looking(): EngineContext {
  return withHands(world.engine(), ({ kube }) => readOnly(kube));
}

async function shifted(k8s: number): Promise<void> {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  if (k8s > 0) await drive(world.engine(), { do: 'shift', split: splitWithK8s(k8s) });
}

/** Two looks, with customers shopping between them. */
async function view(): Promise<LiveView> {
  const look = liveView(looking());
  await look();
  await world.clock.wait(5_000);
  return look();
}

function shown(seen: LiveView): string {
  return statusScreen(world.migration, seen, paint(false)).join('\n');
}

describe('the status of a migration', () => {
  test('tells what the net caught, and what a split left running', async () => {
    await shifted(20);
    world.copyAlive = false;
    await drive(world.engine(), { do: 'run', until: 'Retired' });
    world.copyAlive = true;
    for (const proxy of world.proxies) proxy.streams.vm = proxy.name === 'frontend-1' ? 2 : 0;
    await drive(world.engine(), { do: 'shift', split: splitWithK8s(100) });
    const seen = await view();
    expect(shown(seen)).toMatch(/\d+ of the k8s side's \d+ requests were answered by vm/);
    expect(shown(seen)).toContain('2 requests begun before the last split ran on, on the vm side');
    const document = statusSchema.parse(statusDocument(world.migration, seen));
    expect(document.requests?.caught.k8s).toBeGreaterThan(0);
    expect(document.stillRunning).toEqual({ side: 'vm', running: 2, unread: 0 });
  });

  test('tells per cluster what is wanted, written, acknowledged and seen', async () => {
    await shifted(20);
    const seen = await view();
    for (const member of seen.members) {
      expect(member.written).toMatchObject({ reachable: true, route: { found: 'ours' } });
      expect(member.acknowledged).toMatchObject({ waitingFor: null });
      expect('unknown' in member.seen ? null : member.seen.k8sPercent).toBeCloseTo(20, -1);
    }
    expect(shown(seen)).toMatch(/^cluster1 {2}vm 80 · k8s 20 {2}vm 80 · k8s 20 {2}2\/2 proxies {2}/m);
  });

  test('has both sides’ rate and latency, and what comes next with its reason', async () => {
    await shifted(20);
    const { next, sides } = await view();
    expect(sides.vm.requestsPerSecond).toBeGreaterThan(sides.k8s.requestsPerSecond ?? Number.NaN);
    expect(sides.k8s.p99Ms).toBeGreaterThan(0);
    expect(next.because).toMatch(/of \d+ requests failed/);
  });

  test('says that a route was edited, and which cluster does not answer', async () => {
    await shifted(20);
    const route = world.object('cluster1', 'VirtualService');
    if (route)
      world.clusters.cluster1.put({ ...route, spec: { hosts: ['productcatalogservice'], http: [] } });
    world.cut.add('cluster2');
    const text = shown(await view());
    expect(text).toMatch(/cluster1 .* edited by someone/);
    expect(text).toMatch(/cluster2 .* can't be reached: it does not answer/);
  });

  test('shows a pause with who made it and why', async () => {
    await shifted(20);
    await pause({ ...world.engine(), by: 'ana@laptop' }, 'lunch');
    expect(shown(await view())).toMatch(/paused by ana@laptop at .* UTC: lunch; meshlift resume goes on/);
  });

  test('says of a write that is under way which cluster it still waits for', async () => {
    await shifted(0);
    const seen = await view();
    const intent = { generation: 2, split: splitWithK8s(20), reason: 'step 20 %' };
    const wanted = { generation: 2, split: intent.split };
    const [first, second] = seen.members;
    if (!first || !second) throw new Error('there are two members');
    const text = shown({
      ...seen,
      owner: 'ops/1/a',
      status: { ...seen.status, intent },
      members: [
        { ...first, wanted, written: { reachable: true, route: { found: 'ours', ...wanted } } },
        { ...second, wanted },
      ],
    });
    expect(text).toContain(
      'now: putting vm 80 % · k8s 20 % in force (step 20 %); waiting: to be written in cluster2',
    );
  });

  test('of a migration that has not begun says so, and how it begins', async () => {
    const text = shown(await view());
    expect(text).toContain('Planned');
    expect(text).toContain('nobody drives it: meshlift vm join, or meshlift run');
  });

  test('as data keeps to its published schema, whatever the state', async () => {
    expect(statusSchema.parse(statusDocument(world.migration, await view())).phase).toBe('Planned');
    await shifted(20);
    world.cut.add('cluster2');
    expect(statusSchema.parse(statusDocument(world.migration, await view())).clusters[1]?.written).toEqual({
      unknown: 'it does not answer',
    });
  });
});

describe('a watch without a terminal', () => {
  test('tells everything once, then only what became different', async () => {
    await shifted(0);
    const look = liveView(looking());
    const first = statusChanges(await look(), new Map());
    expect(first.lines.join('\n')).toContain('phase Deployed');
    await world.clock.wait(2_000);
    const second = statusChanges(await look(), first.told);
    expect(second.lines).toEqual([]);
    await drive(world.engine(), { do: 'shift', split: splitWithK8s(20) });
    const third = statusChanges(await look(), second.told).lines.join('\n');
    expect(third).toContain('phase Shifting');
    expect(third).toContain('cluster2 has vm 80 % · k8s 20 % written');
  });
});
