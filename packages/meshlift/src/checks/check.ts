import type { EngineContext } from '../engine/context.ts';

export const categories = ['clusters', 'mesh', 'vm', 'workload', 'traffic'] as const;
export type Category = (typeof categories)[number];

/** What looking found: null when the sentence holds, else why it does not and what to do. */
export interface Finding {
  readonly why: string;
  readonly next: string;
}

/**
 * One thing that must be true before a migration goes on, said as a positive sentence. A check reads and never
 * writes; an error that it throws is a failure of what it looked at, with that error's own reason.
 */
export interface Check {
  /** stable, the name of its runbook page */
  readonly id: string;
  readonly category: Category;
  readonly sentence: string;
  /** `fatal` stops whatever wanted to begin; `warning` is shown and goes on */
  readonly severity: 'fatal' | 'warning';
  /** another check that must hold first: without it, this one would only repeat the same trouble */
  readonly after?: string;
  readonly look: (context: EngineContext) => Promise<Finding | null>;
}

export interface CheckResult {
  readonly id: string;
  readonly category: Category;
  readonly sentence: string;
  readonly result: 'pass' | 'warning' | 'fail' | 'skipped';
  readonly why?: string;
  readonly next?: string;
}
