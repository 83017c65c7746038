import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { readMember, sideRule, windowsBetween } from '../engine/traffic-watch.ts';
import type { CallerSample } from '../metrics/call-series.ts';
import { interval95 } from '../metrics/interval.ts';
import { tally } from '../metrics/tally.ts';
import type { SeenSplit } from '../migration/status.ts';
import type { TrafficSplit } from '../migration/traffic-split.ts';

const lookEveryMs = 400;
/** Below this many requests a share says nothing about a split. */
export const enoughToSee = 100;
/** Calls that were under way when the split changed end on the old side; a share this close is not a contradiction. */
const underWay = 0.01;

/**
 * Watches one member's callers after it acknowledged a split, until what they saw agrees with it, or the deadline.
 * Weights are random per request, so a share agrees when the split lies within its 95 % interval. When it does not,
 * the watch starts over with fresh requests: chance contradicts 1 in 20 times, a proxy with old routes every time.
 */
export async function watchShare(
  context: EngineContext,
  member: MemberCluster,
  split: TrafficSplit,
  deadlineMs: number,
): Promise<{ readonly seen: SeenSplit; readonly agrees: boolean; readonly why: string }> {
  const { clock, signal } = context;
  const rule = sideRule(context.migration);
  const started = clock.now();
  let base: CallerSample | null = null;
  let seen: SeenSplit = { requests: 0, k8s: 0, k8sPercent: null, interval: null };
  let contradicted: string | null = null;
  for (;;) {
    const read = await readMember(context, member);
    if (read.read && base) {
      const { chosen } = tally(
        windowsBetween(new Map([[member.name, base]]), new Map([[member.name, read.sample]])),
        rule,
      );
      seen = seenSplit(chosen.vm.requests + chosen.k8s.requests, chosen.k8s.requests);
      if (seen.requests >= enoughToSee) {
        if (agrees(split, seen)) return { seen, agrees: true, why: describe(member, seen) };
        contradicted = describe(member, seen);
        base = read.sample;
      }
    } else if (read.read) {
      base = read.sample;
    }
    if (clock.now() - started >= deadlineMs) {
      if (contradicted) return { seen, agrees: false, why: contradicted };
      const why = read.read
        ? `only ${seen.requests} requests from ${member.name} meanwhile`
        : `no metrics from ${member.name}: ${read.why}`;
      return { seen, agrees: read.read, why };
    }
    await clock.wait(lookEveryMs, signal);
  }
}

export function agrees(split: TrafficSplit, seen: SeenSplit): boolean {
  if (!seen.interval) return false;
  const [low, high] = seen.interval;
  return split.k8s >= low - 100 * underWay && split.k8s <= high + 100 * underWay;
}

export function seenSplit(requests: number, k8s: number): SeenSplit {
  if (requests === 0) return { requests, k8s, k8sPercent: null, interval: null };
  const { low, high } = interval95(k8s, requests);
  return {
    requests,
    k8s,
    k8sPercent: round((100 * k8s) / requests),
    interval: [round(100 * low), round(100 * high)],
  };
}

function describe(member: MemberCluster, seen: SeenSplit): string {
  const [low, high] = seen.interval ?? [0, 100];
  return `callers in ${member.name} saw ${seen.k8sPercent} % k8s (95 %: ${low} to ${high} %) in ${seen.requests} requests`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
