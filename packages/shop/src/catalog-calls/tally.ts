/**
 * Who called the product catalog, and which side answered. Every program that calls the catalog tells its own caller
 * in {@link CATALOG_CALLS_HEADER}, so that the first caller (a browser, the load generator) knows about every
 * catalog call made on its behalf, in any cluster.
 */
export const CATALOG_CALLS_HEADER = 'x-catalog-calls';

/** The side that answered (`vm`, `k8s`, or `unknown` when the answer did not say), or `failed`. */
export type Outcome = string;

/** Counts by caller's cluster and outcome. Written as `cluster1/vm=2,cluster2/k8s=1`. */
export class CatalogTally {
  readonly #counts = new Map<string, number>();

  add(cluster: string, outcome: Outcome, count = 1): void {
    const key = `${cluster}/${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** Adds what another program wrote with {@link toString}; anything else in the text is ignored. */
  merge(text: string | undefined): void {
    for (const part of (text ?? '').split(',')) {
      const match = /^([\w.-]+)\/([\w.-]+)=(\d+)$/.exec(part.trim());
      if (match !== null) this.add(match[1] ?? '', match[2] ?? '', Number(match[3]));
    }
  }

  *entries(): Generator<{ cluster: string; outcome: Outcome; count: number }> {
    for (const [key, count] of this.#counts) {
      const [cluster = '', outcome = ''] = key.split('/');
      yield { cluster, outcome, count };
    }
  }

  toString(): string {
    return [...this.#counts]
      .map(([key, count]) => `${key}=${count}`)
      .sort()
      .join(',');
  }
}
