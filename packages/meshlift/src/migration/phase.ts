/** What is true in each phase; design words, stored in the Migration's status. */
export const phases = {
  /** The spec is valid; nothing has been changed. */
  Planned: { order: 0 },
  /** The VM's proxy is connected and healthy; 100/0 is agreed in every member cluster. */
  Joined: { order: 1 },
  /** The copy is ready in the target cluster, known to every member's proxies, and gets 0 %. */
  Deployed: { order: 2 },
  /** A split between 0/100 and 100/0 is agreed, or being agreed. */
  Shifting: { order: 3 },
  /** 100 % k8s is agreed in every member cluster and held for its time. */
  Shifted: { order: 4 },
  /** Every proxy reaches the pods under the service's own name; routes and side hosts are gone. */
  Completed: { order: 5 },
  /** The VM was proven idle, left the mesh, and nothing of it remains in any cluster. */
  Retired: { order: 6 },
} as const satisfies Record<string, { order: number }>;

export type Phase = keyof typeof phases;

/** Whether `phase` is `mark` or a later one. */
export function reached(phase: Phase, mark: Phase): boolean {
  return phases[phase].order >= phases[mark].order;
}
