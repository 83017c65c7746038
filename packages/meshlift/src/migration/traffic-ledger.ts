import type { CallerWindow } from '../metrics/call-series.ts';
import { addHistograms, emptyHistogram, type Histogram } from '../metrics/histogram.ts';
import {
  type CaughtHow,
  type FailureCause,
  noneCaught,
  type SideRule,
  type SplitTally,
  sumCaught,
  tally,
} from '../metrics/tally.ts';
import type { Side } from './traffic-split.ts';

/** Every request that callers made to the service since the first split was agreed, as their own proxies counted them. */
export interface TrafficLedger {
  /** RFC 3339 */
  readonly since: string;
  readonly until: string;
  readonly requests: number;
  readonly failed: number;
  readonly sides: Readonly<Record<Side, SideLedger>>;
  readonly callers: readonly CallerLedger[];
  /** moments at which some caller could not be read: its requests of that time were counted later, or are not here */
  readonly unread: number;
}

export interface SideLedger {
  readonly requests: number;
  readonly failed: number;
  /** requests sent to this side that the safety net had the other one answer */
  readonly caught: number;
  /** the same requests by how they were caught; absent in records of engines that did not tell */
  readonly caughtHow?: CaughtHow;
  readonly latency: Histogram;
}

export interface CallerLedger {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly requests: number;
  readonly failed: number;
  readonly causes: readonly FailureCause[];
}

export function emptyLedger(since: string): TrafficLedger {
  const side: SideLedger = { requests: 0, failed: 0, caught: 0, latency: emptyHistogram };
  return {
    since,
    until: since,
    requests: 0,
    failed: 0,
    sides: { vm: side, k8s: side },
    callers: [],
    unread: 0,
  };
}

/** The ledger with the requests of these windows added; `until` is when the windows ended. */
export function addWindows(
  ledger: TrafficLedger,
  windows: readonly CallerWindow[],
  rule: SideRule,
  until: string,
): TrafficLedger {
  const seen = tally(windows, rule);
  const sides = { vm: addSide(ledger.sides.vm, seen, 'vm'), k8s: addSide(ledger.sides.k8s, seen, 'k8s') };
  return {
    since: ledger.since,
    until,
    requests: sides.vm.requests + sides.k8s.requests,
    failed: sides.vm.failed + sides.k8s.failed,
    sides,
    callers: addCallers(ledger.callers, windows, rule),
    unread: ledger.unread + windows.reduce((total, window) => total + window.unknown.length, 0),
  };
}

function addSide(side: SideLedger, seen: SplitTally, name: Side): SideLedger {
  const { requests, failed, latency } = seen.chosen[name];
  return {
    requests: side.requests + requests,
    failed: side.failed + failed,
    caught: side.caught + seen.caught[name],
    caughtHow: sumCaught(side.caughtHow ?? noneCaught, seen.caughtHow[name]),
    latency: addHistograms(side.latency, latency),
  };
}

function addCallers(
  callers: readonly CallerLedger[],
  windows: readonly CallerWindow[],
  rule: SideRule,
): readonly CallerLedger[] {
  const known = new Map(callers.map((caller) => [callerKey(caller), caller]));
  const groups = Map.groupBy(
    windows.flatMap((window) => window.callers),
    ({ caller }) => callerKey(caller),
  );
  for (const [key, members] of groups) {
    const caller = members[0]?.caller;
    if (!caller) continue;
    const { chosen } = tally(
      [{ callers: members, unknown: [], appeared: [], gone: [], restarted: [] }],
      rule,
    );
    const { cluster, namespace, workload } = caller;
    const before = known.get(key) ?? { cluster, namespace, workload, requests: 0, failed: 0, causes: [] };
    const requests = before.requests + chosen.vm.requests + chosen.k8s.requests;
    if (requests === 0) continue;
    known.set(key, {
      ...before,
      requests,
      failed: before.failed + chosen.vm.failed + chosen.k8s.failed,
      causes: addCauses([...before.causes, ...chosen.vm.causes, ...chosen.k8s.causes]),
    });
  }
  return [...known.values()];
}

function addCauses(causes: readonly FailureCause[]): readonly FailureCause[] {
  const same = Map.groupBy(causes, (it) => `${it.responseCode}/${it.grpcStatus}/${it.flags}`);
  return [...same.values()].flatMap((group) => {
    const first = group[0];
    return first ? [{ ...first, count: group.reduce((total, it) => total + it.count, 0) }] : [];
  });
}

function callerKey(caller: {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
}): string {
  return `${caller.cluster}/${caller.namespace}/${caller.workload}`;
}
