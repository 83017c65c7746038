import type { EngineContext, MemberCluster } from '../engine/context.ts';
import type { MemberLook, TrafficWatch } from '../engine/traffic-watch.ts';
import { atLeast } from '../metrics/binomial.ts';
import { interval95 } from '../metrics/interval.ts';
import { judge } from '../migration/gate.ts';
import type { SeenSplit } from '../migration/status.ts';
import type { TrafficSplit } from '../migration/traffic-split.ts';

const lookEveryMs = 200;
/** So many requests are enough to see any split. */
export const enoughToSee = 100;
/** Fewer are enough where callers who still followed the split before would hardly ever look like that. */
const hardlyEver = 1e-3;
const fewestToSee = 10;
/** Calls that were under way when the split changed end on the old side; a share this close is not a contradiction. */
const underWay = 0.01;

export interface ShareSeen {
  readonly seen: SeenSplit;
  readonly agrees: boolean;
  readonly why: string;
  /** set when the copy fails so obviously that the watch was ended early: the gate has to decide, not the share */
  readonly alarm: string | null;
}

export interface ShareWanted {
  readonly split: TrafficSplit;
  /** what callers followed before; null when nobody knows */
  readonly before: TrafficSplit | null;
  /** a look that began when every proxy had acknowledged the split */
  readonly acknowledged: Promise<MemberLook>;
  readonly deadlineMs: number;
}

/**
 * Watches one member's callers after it acknowledged a split, until what they saw agrees with it, or the deadline.
 * Weights are random per request, so a share agrees when the split lies within its 95 % interval. When it does not,
 * the watch starts over with fresh requests: chance contradicts 1 in 20 times, a proxy with old routes every time.
 */
export async function watchShare(
  context: EngineContext,
  traffic: Pick<TrafficWatch, 'lookAt'>,
  member: MemberCluster,
  { split, before, acknowledged, deadlineMs }: ShareWanted,
): Promise<ShareSeen> {
  const { clock, signal } = context;
  const { gate } = context.migration.spec.rollout;
  const started = clock.now();
  let base: Requests | null = null;
  let seen: SeenSplit = { requests: 0, k8s: 0, k8sPercent: null, interval: null };
  let contradicted: string | null = null;
  for (let looking = acknowledged; ; looking = traffic.lookAt(member)) {
    const look = await looking;
    const requests: Requests = {
      vm: look.seen.chosen.vm.requests,
      k8s: look.seen.chosen.k8s.requests,
    };
    if (look.unread === null && base) {
      const k8s = requests.k8s - base.k8s;
      seen = seenSplit(requests.vm - base.vm + k8s, k8s);
      if (isEnough(seen, before)) {
        if (agrees(split, seen)) return { seen, agrees: true, why: describe(member, seen), alarm: null };
        contradicted = describe(member, seen);
        base = requests;
      }
    } else if (look.unread === null) {
      base = requests;
    }
    // A verdict that leaves no doubt can't wait until the share has been seen; going back to the VM can.
    const verdict = split.k8s > 0 ? judge(gate, look.window) : null;
    if (verdict?.obvious) {
      return {
        seen,
        agrees: true,
        why: `${verdict.because}: its share is not watched further`,
        alarm: verdict.because,
      };
    }
    if (clock.now() - started >= deadlineMs) {
      if (contradicted) return { seen, agrees: false, why: contradicted, alarm: null };
      const why =
        look.unread === null
          ? `only ${seen.requests} requests from ${member.name} meanwhile`
          : `no metrics from ${member.name}: ${look.unread}`;
      return { seen, agrees: look.unread === null, why, alarm: null };
    }
    await clock.wait(lookEveryMs, signal);
  }
}

function isEnough(seen: SeenSplit, before: TrafficSplit | null): boolean {
  if (seen.requests >= enoughToSee) return true;
  return before !== null && seen.requests >= fewestToSee && chanceOf(seen, before) < hardlyEver;
}

/** How likely callers who follow this split show such a share, or one that is farther from it still. */
function chanceOf({ requests, k8s }: SeenSplit, split: TrafficSplit): number {
  const [low, high] = [split.k8s / 100 - underWay, split.k8s / 100 + underWay];
  if (k8s > requests * high) return atLeast(k8s, requests, high);
  if (k8s < requests * low) return atLeast(requests - k8s, requests, 1 - low);
  return 1;
}

interface Requests {
  readonly vm: number;
  readonly k8s: number;
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
