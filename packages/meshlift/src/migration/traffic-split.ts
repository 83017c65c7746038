/** Where the service runs: on the virtual machine, or as the copy in Kubernetes. */
export type Side = 'vm' | 'k8s';
export const sides = ['vm', 'k8s'] as const satisfies readonly Side[];

/**
 * The share of requests that each side gets, in percent, always summing to 100. One value with named sides, never two
 * positional numbers: the walkthrough that Meshlift grew from swaps them in the one place that must not be wrong.
 */
export interface TrafficSplit {
  readonly vm: number;
  readonly k8s: number;
}

export const allOnVm: TrafficSplit = { vm: 100, k8s: 0 };
export const allOnK8s: TrafficSplit = { vm: 0, k8s: 100 };

/** The split with `k8s` percent on the Kubernetes side; a RangeError unless it is a whole number from 0 to 100. */
export function splitWithK8s(k8s: number): TrafficSplit {
  if (!Number.isInteger(k8s) || k8s < 0 || k8s > 100) {
    throw new RangeError(`a share must be a whole number from 0 to 100, not ${k8s}`);
  }
  return { vm: 100 - k8s, k8s };
}

export function sameSplit(a: TrafficSplit, b: TrafficSplit): boolean {
  return a.vm === b.vm && a.k8s === b.k8s;
}

/** `vm 80 % · k8s 20 %` */
export function formatSplit(split: TrafficSplit): string {
  return `vm ${split.vm} % · k8s ${split.k8s} %`;
}
