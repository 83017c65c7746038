/** One element of what an expression is now. */
export interface PrometheusRow {
  /** with `__name__` where the expression keeps it; empty for a scalar */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A server that answers PromQL, wherever it is and however it is reached. */
export interface Prometheus {
  /** where it is, for messages; without secrets */
  readonly where: string;
  /**
   * What the expression is at this moment: an instant vector, or one row for a scalar. Rejects with
   * `metrics-unavailable` when no answer came, or the server could not evaluate it.
   */
  query(expression: string, signal?: AbortSignal): Promise<readonly PrometheusRow[]>;
}
