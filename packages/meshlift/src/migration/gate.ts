import { atLeast } from '../metrics/binomial.ts';
import { beyond, type Histogram, quantile, totalCount } from '../metrics/histogram.ts';
import { difference99 } from '../metrics/interval.ts';
import type { GateSpec } from '../spec/migration.ts';
import type { Side } from './traffic-split.ts';

/** What callers saw of one side in one window. `caught` counts answers that the safety net brought from the other side. */
export interface SideWindow {
  readonly requests: number;
  readonly failed: number;
  readonly caught: number;
  /** of all requests, failed ones included; may lag the counts by what a proxy has not flushed yet */
  readonly latency: Histogram;
}

export type BothSides = Readonly<Record<Side, SideWindow>>;

/**
 * Both sides in the same window; or why it can't be judged as a whole, with what was seen of it all the same: part of
 * the truth is enough for a failure that leaves no doubt, and never for a pass. `lately` is the k8s side in the window's
 * end, the latest looks that have enough requests for a verdict: it tells what goes on now from what happened once.
 */
export type GateWindow =
  | Known
  | { readonly known: false; readonly because: string; readonly soFar?: BothSides };

type Known = { readonly known: true; readonly lately?: SideWindow } & BothSides;

/**
 * `inconclusive` (too few requests) and `error` (no metrics) never pass and never roll back: they hold, since neither
 * says anything about the copy.
 */
export interface Verdict {
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'error';
  /** the failure can't be chance any more: act at once, without waiting for more failed verdicts */
  readonly obvious: boolean;
  readonly because: string;
}

/** Were the copy as bad as the limit allows and no worse, so many failures would be seen less often than this. */
const beyondChance = 1e-4;
/** The same for a p99, which is judged again in the next window: one slow start more does not take a good copy back. */
const hardlyChance = 0.01;
/** Failures come in bunches (one broken connection fails every call on it), which the arithmetic of chance ignores. */
const fewestObviousFailures = 5;
/** A new copy's first requests are slow (connections, caches, compilers): so many slow ones are more than a start. */
const fewestObviouslySlow = 20;

/** Judges the k8s side by what its callers saw, in absolute terms and against the vm side in the same window. */
export function judge(gate: GateSpec, window: GateWindow): Verdict {
  const seen = window.known ? window : window.soFar;
  const obvious = seen ? (obviousFailures(gate, seen) ?? obviousSlowness(gate, seen)) : null;
  if (obvious) return { verdict: 'fail', obvious: true, because: obvious };
  if (!window.known) return settled('error', window.because);

  const { k8s } = window;
  if (k8s.requests < gate.minRequests) {
    return settled(
      'inconclusive',
      `${k8s.requests} of the ${gate.minRequests} requests that a verdict needs`,
    );
  }
  const slow = slowness(gate, window);
  const problem = tooManyFailures(gate, k8s) ?? (slow?.doubt === null ? slow.because : null);
  if (problem) return { verdict: 'fail', obvious: goesOn(gate, window), because: problem };
  const compared = comparedFailures(gate, window);
  if (slow?.doubt && compared?.verdict !== 'fail') {
    return settled('inconclusive', `${slow.because}, ${slow.doubt}`);
  }
  return compared ?? settled('pass', figures(k8s));
}

/**
 * A window that fails goes on failing until what spoilt it is a minute old, so a second verdict says nothing new of it.
 * The latest requests do: where they are beyond doubt as bad, waiting only costs callers.
 */
function goesOn(gate: GateSpec, { vm, lately }: Known): boolean {
  if (lately === undefined) return false;
  const latest = { vm, k8s: lately };
  return (obviousFailures(gate, latest) ?? obviousSlowness(gate, latest)) !== null;
}

function settled(verdict: Verdict['verdict'], because: string): Verdict {
  return { verdict, obvious: false, because };
}

function obviousFailures(gate: GateSpec, { k8s }: BothSides): string | null {
  const bad = failures(k8s);
  if (bad < fewestObviousFailures || atLeast(bad, k8s.requests, gate.maxErrorRate) >= beyondChance)
    return null;
  return overTheLimit(gate, k8s);
}

function tooManyFailures(gate: GateSpec, k8s: SideWindow): string | null {
  return errorRate(k8s) > gate.maxErrorRate ? overTheLimit(gate, k8s) : null;
}

function overTheLimit(gate: GateSpec, k8s: SideWindow): string {
  const caught = k8s.caught === 0 ? '' : ` (the safety net caught ${k8s.caught} of them)`;
  return `${percent(errorRate(k8s))} of ${k8s.requests} requests to the k8s side failed${caught}; the limit is ${percent(gate.maxErrorRate)}`;
}

/** Compared only where the vm side has enough requests to compare with: at 100 % there is nothing left of it. */
function comparedFailures(gate: GateSpec, { vm, k8s }: BothSides): Verdict | null {
  if (vm.requests < gate.minRequests) return null;
  const excess = errorRate(k8s) - errorRate(vm);
  if (excess <= gate.maxErrorRateOverVm) return null;
  const because = `the k8s side failed ${percent(excess)} more of its requests than the vm side (${failures(k8s)} of ${k8s.requests} against ${failures(vm)} of ${vm.requests})`;
  const { low } = difference99(
    { successes: failures(k8s), n: k8s.requests },
    { successes: failures(vm), n: vm.requests },
  );
  return low > 0
    ? settled('fail', `${because}; the limit is ${percent(gate.maxErrorRateOverVm)}`)
    : settled('inconclusive', `${because}, which may still be chance`);
}

/** Most requests slower than what only one in a hundred may exceed: no question of a quantile's precision. */
function obviousSlowness(gate: GateSpec, sides: BothSides): string | null {
  const { latency } = sides.k8s;
  for (const limit of latencyLimits(gate, sides)) {
    const { count, bound } = beyond(latency, limit.ms);
    if (count >= fewestObviouslySlow && count >= totalCount(latency) / 2) {
      return `${count} of ${totalCount(latency)} requests to the k8s side took over ${milliseconds(bound)}; ${limit.why}`;
    }
  }
  return null;
}

/** A p99 over its limit; `doubt` says why a copy that is within it may still show such a one, null when there is none. */
interface Slowness {
  readonly because: string;
  readonly doubt: string | null;
}

/**
 * Of 150 requests, two slow ones put the p99 over any limit, and one second of a machine too busy with a new split
 * spoils the window for a minute: neither says that the copy is slow.
 */
function slowness(gate: GateSpec, sides: Known): Slowness | null {
  const { latency } = sides.k8s;
  const n = totalCount(latency);
  const found = latencyLimits(gate, sides).flatMap((limit): Slowness[] => {
    const { count, bound } = beyond(latency, limit.ms);
    if (count <= n / 100) return [];
    const p99 = milliseconds(quantile(latency, 0.99) ?? 0);
    return [
      {
        because: `the k8s side's p99 is ${p99}, over ${milliseconds(bound)}; ${limit.why}`,
        doubt:
          atLeast(count, n, 0.01) >= hardlyChance ? 'which may still be chance' : over(limit, sides.lately),
      },
    ];
  });
  return found.find(({ doubt }) => doubt === null) ?? found[0] ?? null;
}

/** Why what was slow may be over by now; null when it goes on, or nobody knows. */
function over({ ms }: LatencyLimit, lately: SideWindow | undefined): string | null {
  const goesOn = !lately || beyond(lately.latency, ms).count > totalCount(lately.latency) / 100;
  return goesOn ? null : 'which the latest requests were not';
}

interface LatencyLimit {
  /** what one request in a hundred may exceed */
  readonly ms: number;
  readonly why: string;
}

/** What the k8s side's p99 is held against: its own maximum, and the vm side's where that has enough requests. */
function latencyLimits(gate: GateSpec, { vm }: BothSides): readonly LatencyLimit[] {
  const limits: LatencyLimit[] = [];
  if (gate.maxP99 !== undefined) {
    limits.push({ ms: gate.maxP99, why: `the limit is ${milliseconds(gate.maxP99)}` });
  }
  const p99 = quantile(vm.latency, 0.99);
  if (p99 !== null && vm.requests >= gate.minRequests) {
    const ms = Math.max(p99 * gate.p99OverVm, p99 + gate.p99Tolerance);
    limits.push({ ms, why: `the limit is ${milliseconds(ms)}, since the vm side has ${milliseconds(p99)}` });
  }
  return limits;
}

function figures(k8s: SideWindow): string {
  const p99 = quantile(k8s.latency, 0.99);
  const latency = p99 === null ? '' : `, p99 ${milliseconds(p99)}`;
  return `${percent(errorRate(k8s))} of ${k8s.requests} requests failed${latency}`;
}

/**
 * A call that the net answered from the other side is one the copy failed: a copy that only looks healthy because the
 * net catches its failures is not healthy.
 */
function failures(side: SideWindow): number {
  return side.failed + side.caught;
}

function errorRate(side: SideWindow): number {
  return side.requests === 0 ? 0 : failures(side) / side.requests;
}

function percent(rate: number): string {
  return `${Math.round(rate * 10_000) / 100} %`;
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}
