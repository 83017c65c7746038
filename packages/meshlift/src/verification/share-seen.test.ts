import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeWorld } from '../engine/testdata/fake-world.ts';
import type { MemberLook, TrafficWatch } from '../engine/traffic-watch.ts';
import { emptySplitTally, emptyTally, type SplitTally } from '../metrics/tally.ts';
import { binomial, seeded } from '../metrics/testdata/seeded.ts';
import type { GateWindow } from '../migration/gate.ts';
import { few, obviouslyBad } from '../migration/testdata/situations.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { agrees, enoughToSee, seenSplit, watchShare } from './share-seen.ts';

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});
afterEach(() => world.stop());
vi.setConfig({ testTimeout: 30_000 });

test('the split that callers follow lies in the interval that is told in at least 90 of 100 steps', () => {
  const random = seeded(20);
  const steps = Array.from({ length: 100 }, (_, i) => {
    const percent = [1, 5, 20, 50, 80][i % 5] ?? 20;
    const requests = enoughToSee + Math.floor(random() * 2_000);
    return { percent, seen: seenSplit(requests, binomial(random, requests, percent / 100)) };
  });
  const inside = steps.filter(({ percent, seen }) => {
    const [low, high] = seen.interval ?? [1, 0];
    return low <= percent && percent <= high;
  });
  expect(inside.length).toBeGreaterThanOrEqual(90);
  // An interval that held everything would hold the truth as well.
  expect(steps.every(({ seen }) => (seen.interval?.[1] ?? 100) - (seen.interval?.[0] ?? 0) < 20)).toBe(true);
});

test('a share is hardly ever taken for a split that callers do not follow', () => {
  const random = seeded(21);
  let taken = 0;
  for (let i = 0; i < 300; i += 1) {
    if (agrees(splitWithK8s(50), seenSplit(500, binomial(random, 500, 0.2)))) taken += 1;
  }
  expect(taken).toBe(0);
});

/** A watch whose callers send so many requests a look, this percentage of them to the copy. */
function callers(
  k8sPercent: number,
  window: GateWindow = few,
  requests = 100,
): Pick<TrafficWatch, 'lookAt'> & { looks: number } {
  const watch = {
    looks: 0,
    async lookAt(): Promise<MemberLook> {
      watch.looks += 1;
      const k8s = { ...emptyTally, requests: (watch.looks * requests * k8sPercent) / 100 };
      const vm = { ...emptyTally, requests: (watch.looks * requests * (100 - k8sPercent)) / 100 };
      const seen: SplitTally = { ...emptySplitTally, chosen: { vm, k8s } };
      return { unread: null, seen, window };
    },
  };
  return watch;
}

/** A watch whose callers send so many requests a look, each to the copy with this probability. */
function chanceCallers(random: () => number, k8sShare: number, requests: number) {
  let [k8s, vm] = [0, 0];
  return {
    async lookAt(): Promise<MemberLook> {
      const more = binomial(random, requests, k8sShare);
      [k8s, vm] = [k8s + more, vm + requests - more];
      const chosen = { vm: { ...emptyTally, requests: vm }, k8s: { ...emptyTally, requests: k8s } };
      return { unread: null, seen: { ...emptySplitTally, chosen }, window: few };
    },
  };
}

function watched(
  traffic: Pick<TrafficWatch, 'lookAt'>,
  k8s: number,
  { deadlineMs = 5_000, from = 0 }: { readonly deadlineMs?: number; readonly from?: number | null } = {},
) {
  const context = world.engine();
  return watchShare(context, traffic, context.home, {
    split: splitWithK8s(k8s),
    before: from === null ? null : splitWithK8s(from),
    acknowledged: traffic.lookAt(context.home),
    deadlineMs,
  });
}

test('callers who follow the split are seen to do so', async () => {
  expect(await watched(callers(20), 20)).toMatchObject({
    agrees: true,
    alarm: null,
    seen: { k8sPercent: 20 },
  });
});

test('callers who follow another split contradict it, until the deadline', async () => {
  const { agrees: it, why } = await watched(callers(50), 20);
  expect(it).toBe(false);
  expect(why).toContain('50 % k8s');
});

test('ten or more requests are enough where they can’t be taken for the split before', async () => {
  const requestsToSee = async (k8s: number, from: number | null) => {
    const { agrees: it, seen } = await watched(callers(k8s, few, 2), k8s, { from, deadlineMs: 60_000 });
    expect(it).toBe(true);
    return seen.requests;
  };
  expect(await requestsToSee(0, 50)).toBe(12);
  expect(await requestsToSee(100, 50)).toBe(12);
  expect(await requestsToSee(50, 20)).toBe(26);
  expect(await requestsToSee(0, 10)).toBe(74);
  for (const from of [5, null]) expect(await requestsToSee(0, from)).toBe(enoughToSee);
});

test('callers who go on with the split before are hardly ever seen following the next', async () => {
  const random = seeded(22);
  let taken = 0;
  for (let i = 0; i < 300; i += 1) {
    const wrong = chanceCallers(random, 0.2, 10);
    const { agrees: it } = await watched(wrong, 50, { from: 20, deadlineMs: 2_000 });
    if (it) taken += 1;
  }
  expect(taken).toBeLessThanOrEqual(3);
});

test('a copy that fails beyond doubt ends the watch at once: the gate decides', async () => {
  const traffic = callers(50, obviouslyBad);
  const { alarm } = await watched(traffic, 20, { deadlineMs: 60_000 });
  expect(alarm).toContain('50 % of 1000 requests to the k8s side failed');
  expect(traffic.looks).toBe(1);
});

test('the way back to the VM is watched to its end, however bad the copy was', async () => {
  expect(await watched(callers(0, obviouslyBad), 0)).toMatchObject({ agrees: true, alarm: null });
});
