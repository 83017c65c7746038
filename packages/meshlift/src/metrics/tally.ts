import type { Side } from '../migration/traffic-split.ts';
import type { Answerer, CallerWindow, CallSeries } from './call-series.ts';
import { failed } from './failed.ts';
import { addHistograms, emptyHistogram, type Histogram } from './histogram.ts';

/** One way in which calls failed. */
export interface FailureCause extends Pick<CallSeries, 'responseCode' | 'grpcStatus' | 'flags'> {
  readonly count: number;
}

/** Calls added up; a share is always taken of these sums, never averaged over shares. */
export interface Tally {
  readonly requests: number;
  readonly failed: number;
  /** most frequent first */
  readonly causes: readonly FailureCause[];
  readonly latency: Histogram;
}

/** How the net caught calls, as far as the callers' proxies tell: upstream Envoy counts its attempts, Istio's does not. */
export interface CaughtHow {
  /** the side failed the call, and the other one was tried after it */
  readonly retried: number;
  /** no endpoint of the side was fit to be tried: dead ones had been ejected, or there were none */
  readonly rerouted: number;
  /** the proxy does not tell */
  readonly untold: number;
}

export interface SplitTally {
  /** by the side that the callers' routes chose: what the split is measured by */
  readonly chosen: Readonly<Record<Side, Tally>>;
  /** by the side that answered; calls that nobody answered, or that cannot be told, are in neither */
  readonly answered: Readonly<Record<Side, Tally>>;
  /** calls that the route sent to this side and the other side answered: what the safety net caught */
  readonly caught: Readonly<Record<Side, number>>;
  /** the same calls, by how they were caught */
  readonly caughtHow: Readonly<Record<Side, CaughtHow>>;
  /** calls to a host that stands for neither side, such as the service's own name */
  readonly other: Tally;
}

/** Which side a host stands for, and which side an answer came from; null when it cannot be told. */
export interface SideRule {
  chosen(host: string): Side | null;
  answered(answerer: Answerer): Side | null;
}

export const emptyTally: Tally = { requests: 0, failed: 0, causes: [], latency: emptyHistogram };

export const noneCaught: CaughtHow = { retried: 0, rerouted: 0, untold: 0 };

export const emptySplitTally: SplitTally = {
  chosen: { vm: emptyTally, k8s: emptyTally },
  answered: { vm: emptyTally, k8s: emptyTally },
  caught: { vm: 0, k8s: 0 },
  caughtHow: { vm: noneCaught, k8s: noneCaught },
  other: emptyTally,
};

/** Adds up the calls of one or several clusters' windows by side. */
export function tally(windows: readonly CallerWindow[], rule: SideRule): SplitTally {
  return windows
    .flatMap(({ callers }) => callers)
    .flatMap(({ calls, latency }) => [
      ...calls.map((series) => tallyOf(series, callTally(series), rule)),
      ...latency.map((series) =>
        tallyOf({ ...series, attempts: null }, { ...emptyTally, latency: series.histogram }, rule),
      ),
    ])
    .reduce(sumSplit, emptySplitTally);
}

function tallyOf(
  series: { host: string; answerer: Answerer; attempts: number | null },
  counted: Tally,
  rule: SideRule,
): SplitTally {
  const chosen = rule.chosen(series.host);
  const answered = rule.answered(series.answerer);
  if (chosen === null) return { ...emptySplitTally, other: counted };
  const caught = answered !== null && answered !== chosen ? counted.requests - counted.failed : 0;
  return {
    ...emptySplitTally,
    chosen: { ...emptySplitTally.chosen, [chosen]: counted },
    answered:
      answered === null ? emptySplitTally.answered : { ...emptySplitTally.answered, [answered]: counted },
    caught: { ...emptySplitTally.caught, [chosen]: caught },
    caughtHow: {
      ...emptySplitTally.caughtHow,
      [chosen]: caught === 0 ? noneCaught : { ...noneCaught, [how(series.attempts)]: caught },
    },
  };
}

function how(attempts: number | null): keyof CaughtHow {
  if (attempts === null) return 'untold';
  return attempts > 1 ? 'retried' : 'rerouted';
}

function callTally(series: CallSeries): Tally {
  const { responseCode, grpcStatus, flags, count } = series;
  const bad = failed(series);
  return {
    requests: count,
    failed: bad ? count : 0,
    causes: bad && count > 0 ? [{ responseCode, grpcStatus, flags, count }] : [],
    latency: emptyHistogram,
  };
}

export function sum(a: Tally, b: Tally): Tally {
  if (a === emptyTally) return b;
  if (b === emptyTally) return a;
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    causes: sumCauses([...a.causes, ...b.causes]),
    latency: addHistograms(a.latency, b.latency),
  };
}

export function sumSplit(a: SplitTally, b: SplitTally): SplitTally {
  return {
    chosen: { vm: sum(a.chosen.vm, b.chosen.vm), k8s: sum(a.chosen.k8s, b.chosen.k8s) },
    answered: { vm: sum(a.answered.vm, b.answered.vm), k8s: sum(a.answered.k8s, b.answered.k8s) },
    caught: { vm: a.caught.vm + b.caught.vm, k8s: a.caught.k8s + b.caught.k8s },
    caughtHow: {
      vm: sumCaught(a.caughtHow.vm, b.caughtHow.vm),
      k8s: sumCaught(a.caughtHow.k8s, b.caughtHow.k8s),
    },
    other: sum(a.other, b.other),
  };
}

export function sumCaught(a: CaughtHow, b: CaughtHow): CaughtHow {
  return {
    retried: a.retried + b.retried,
    rerouted: a.rerouted + b.rerouted,
    untold: a.untold + b.untold,
  };
}

function sumCauses(causes: readonly FailureCause[]): FailureCause[] {
  const byKey = new Map<string, FailureCause>();
  for (const cause of causes) {
    const key = [cause.responseCode, cause.grpcStatus, cause.flags].join('|');
    byKey.set(key, { ...cause, count: (byKey.get(key)?.count ?? 0) + cause.count });
  }
  return [...byKey.values()].sort((a, b) => b.count - a.count);
}
