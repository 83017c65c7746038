import type { Scene } from './scene.ts';

export const categories = ['clusters', 'mesh', 'vm', 'workload', 'traffic'] as const;
export type Category = (typeof categories)[number];

/** One reason why a check's sentence does not hold, and what to do about it. */
export interface Finding {
  readonly why: string;
  readonly next: string;
  /** it could not be told whether the sentence holds, which is never taken for good */
  readonly unknown?: true;
  /** what kept it from looking may be over soon, such as a cluster too busy to answer in time */
  readonly passing?: true;
}

/**
 * One thing that must be true before a migration goes on, said as a positive sentence. A check reads and never
 * writes. It answers everything that it found, none when the sentence holds; an error that it throws is what kept it
 * from looking.
 */
export interface Check {
  /** stable, the name of its runbook page */
  readonly id: string;
  readonly category: Category;
  readonly sentence: string;
  /** `fatal` stops whatever wanted to begin; `warning` is shown and goes on */
  readonly severity: Severity;
  /** another check that must hold first: without it, this one would only repeat the same trouble */
  readonly after?: string;
  readonly look: (scene: Scene) => Promise<readonly Finding[]>;
}

export type Severity = 'fatal' | 'warning';

export interface CheckResult {
  readonly id: string;
  readonly category: Category;
  readonly sentence: string;
  readonly severity: Severity;
  /**
   * `warning` is a failure of a check that stops nothing; `unknown`: what it looks at could not be read; `skipped`: the
   * check that must hold first does not
   */
  readonly result: 'pass' | 'warning' | 'fail' | 'unknown' | 'skipped';
  /** why it is not `pass`; empty when it is */
  readonly findings: readonly Finding[];
}

/** Whether a result stops what wanted to begin: a fatal check that does not hold, or of which nobody knows. */
export function stops({ severity, result }: CheckResult): boolean {
  return severity === 'fatal' && result !== 'pass';
}
