import type {
  Caller,
  CallerCounters,
  CallerSample,
  CallerWindow,
  CallSeries,
  LatencySeries,
} from './call-series.ts';
import { subtractHistograms } from './histogram.ts';
import { latencyKey, outcomeKey } from './normalise.ts';

/**
 * The calls between two samples of the same cluster. Counters only grow while a proxy lives; a new proxy, or a counter
 * that shrank, counts from zero. A caller that is new because it could not be read before is unknown, not new: all its
 * calls since its start would fall into this window.
 */
export function subtract(later: CallerSample, earlier: CallerSample): CallerWindow {
  const before = new Map(earlier.callers.map((counters) => [nameOf(counters.caller), counters]));
  const unreadBefore = new Map(earlier.unread.map((unread) => [nameOf(unread.caller), unread]));
  const window = {
    callers: [] as CallerCounters[],
    unknown: [...later.unread],
    appeared: [] as Caller[],
    restarted: [] as Caller[],
  };

  for (const now of later.callers) {
    const then = before.get(nameOf(now.caller));
    const unread = unreadBefore.get(nameOf(now.caller));
    if (then === undefined && unread?.caller.incarnation === now.caller.incarnation) {
      window.unknown.push({ caller: now.caller, why: `not readable when the window began: ${unread.why}` });
    } else if (then === undefined) {
      window.appeared.push(now.caller);
      window.callers.push(now);
    } else if (then.caller.incarnation !== now.caller.incarnation) {
      window.restarted.push(now.caller);
      window.callers.push(now);
    } else {
      const { counters, shrank } = subtractCounters(now, then);
      window.callers.push(counters);
      if (shrank) window.restarted.push(now.caller);
    }
  }

  const present = new Set([...later.callers, ...later.unread].map(({ caller }) => nameOf(caller)));
  const gone = earlier.callers.map(({ caller }) => caller).filter((caller) => !present.has(nameOf(caller)));
  return { ...window, gone };
}

/**
 * The sample from which the next window is counted: `later`, with the last known counters of whoever could not be read
 * in it. What they call meanwhile is then counted as soon as they can be read again.
 */
export function carry(later: CallerSample, earlier: CallerSample): CallerSample {
  const before = new Map(earlier.callers.map((counters) => [nameOf(counters.caller), counters]));
  const kept = later.unread.flatMap(({ caller }) => {
    const last = before.get(nameOf(caller));
    return last && last.caller.incarnation === caller.incarnation ? [last] : [];
  });
  const known = new Set(kept.map(({ caller }) => nameOf(caller)));
  return {
    ...later,
    callers: [...later.callers, ...kept],
    unread: later.unread.filter(({ caller }) => !known.has(nameOf(caller))),
  };
}

function nameOf({ cluster, namespace, pod }: Caller): string {
  return `${cluster}/${namespace}/${pod}`;
}

function subtractCounters(
  now: CallerCounters,
  then: CallerCounters,
): { counters: CallerCounters; shrank: boolean } {
  const callsBefore = new Map(then.calls.map((series) => [outcomeKey(series), series.count]));
  let shrank = false;
  const calls: CallSeries[] = [];
  for (const series of now.calls) {
    const before = callsBefore.get(outcomeKey(series)) ?? 0;
    const reset = series.count < before;
    shrank ||= reset;
    const count = reset ? series.count : series.count - before;
    if (count > 0) calls.push({ ...series, count });
  }
  return { counters: { caller: now.caller, calls, latency: subtractLatency(now, then) }, shrank };
}

function subtractLatency(now: CallerCounters, then: CallerCounters): LatencySeries[] {
  const before = new Map(then.latency.map((series) => [latencyKey(series), series.histogram]));
  return now.latency.map((series) => {
    const earlier = before.get(latencyKey(series));
    if (earlier === undefined) return series;
    const histogram = subtractHistograms(series.histogram, earlier);
    const reset = histogram.cumulative.some((count) => count < 0);
    return reset ? series : { ...series, histogram };
  });
}
