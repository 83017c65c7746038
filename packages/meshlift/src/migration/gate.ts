import type { GateSpec } from '../spec/migration.ts';

/** What callers saw of one side in one window. `caught` counts answers that the safety net brought from the other side. */
export interface SideWindow {
  readonly requests: number;
  readonly failed: number;
  readonly caught: number;
  /** milliseconds; null without a request */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Both sides in the same window, or why there is nothing to judge by. */
export type GateWindow =
  | { readonly known: true; readonly vm: SideWindow; readonly k8s: SideWindow }
  | { readonly known: false; readonly because: string };

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

const obviousFailures = 10;
const obviousRatio = 5;

/** Judges the k8s side by what its callers saw, in absolute terms and against the vm side in the same window. */
export function judge(gate: GateSpec, window: GateWindow): Verdict {
  if (!window.known) return { verdict: 'error', obvious: false, because: window.because };
  const { vm, k8s } = window;
  const k8sRate = errorRate(k8s);
  // A call that the net answered from the other side is one the copy failed: a copy that only looks healthy because
  // the net catches its failures is not healthy.
  const excess = k8sRate - errorRate(vm);

  const overLimit = k8sRate > gate.maxErrorRate;
  const overVm = vm.requests > 0 && excess > gate.maxErrorRateOverVm;
  if (overLimit || overVm) {
    const failed = k8s.failed + k8s.caught;
    const because = overLimit
      ? `${percent(k8sRate)} of ${k8s.requests} requests to the k8s side failed; the limit is ${percent(gate.maxErrorRate)}`
      : `the k8s side failed ${percent(excess)} more of its requests than the vm side; the limit is ${percent(gate.maxErrorRateOverVm)}`;
    // Few requests may still be conclusive: ten failures at several times the limit are not bad luck.
    const obvious = failed >= obviousFailures && k8sRate > obviousRatio * gate.maxErrorRate;
    if (obvious || k8s.requests >= gate.minRequests) return { verdict: 'fail', obvious, because };
  }
  if (k8s.requests < gate.minRequests) {
    return {
      verdict: 'inconclusive',
      obvious: false,
      because: `${k8s.requests} of the ${gate.minRequests} requests that a verdict needs`,
    };
  }
  const slow = latencyProblem(gate, vm, k8s);
  if (slow) return { verdict: 'fail', obvious: false, because: slow };
  return {
    verdict: 'pass',
    obvious: false,
    because: `${percent(k8sRate)} of ${k8s.requests} requests failed${k8s.p99Ms === null ? '' : `, p99 ${Math.round(k8s.p99Ms)} ms`}`,
  };
}

function latencyProblem(gate: GateSpec, vm: SideWindow, k8s: SideWindow): string | null {
  if (k8s.p99Ms === null || vm.p99Ms === null || vm.requests < gate.minRequests) return null;
  const limit = Math.max(vm.p99Ms * gate.p99OverVm, vm.p99Ms + gate.p99Tolerance);
  if (k8s.p99Ms <= limit) return null;
  return `the k8s side's p99 is ${Math.round(k8s.p99Ms)} ms, over ${Math.round(limit)} ms (the vm side has ${Math.round(vm.p99Ms)} ms)`;
}

function errorRate(side: SideWindow): number {
  return side.requests === 0 ? 0 : (side.failed + side.caught) / side.requests;
}

function percent(rate: number): string {
  return `${Math.round(rate * 10_000) / 100} %`;
}
