/**
 * Who called the product catalog, and which side answered. Every program that calls the catalog tells its own caller
 * in {@link CATALOG_CALLS_HEADER}, so that the first caller (a browser, the load generator) knows about every
 * catalog call made on its behalf, in any cluster.
 */
export const CATALOG_CALLS_HEADER = 'x-catalog-calls';

/** The side that answered (`vm`, `k8s`, or `unknown` when the answer did not say), or `failed`. */
export type Outcome = string;

/** Calls from one cluster with one outcome. */
export interface CatalogCalls {
  readonly cluster: string;
  readonly outcome: Outcome;
  /** 1 unless given */
  readonly count?: number | undefined;
  /** When the last of them had reached the side that answered, ms since the epoch; undefined where none said. */
  readonly last?: number | undefined;
}

/** Counts by caller's cluster and outcome. Written as `cluster1/vm=2@1763899200123,cluster2/k8s=1`: how many, and when last. */
export class CatalogTally {
  readonly #calls = new Map<string, Required<CatalogCalls> & { readonly count: number }>();

  add({ cluster, outcome, count = 1, last }: CatalogCalls): void {
    const key = `${cluster}/${outcome}`;
    const before = this.#calls.get(key);
    this.#calls.set(key, {
      cluster,
      outcome,
      count: (before?.count ?? 0) + count,
      last: latest(before?.last, last),
    });
  }

  /** Adds what another program wrote with {@link toString}; anything else in the text is ignored. */
  merge(text: string | undefined): void {
    for (const part of (text ?? '').split(',')) {
      const [, cluster, outcome, count, last] =
        /^([\w.-]+)\/([\w.-]+)=(\d+)(?:@(\d{1,15}))?$/.exec(part.trim()) ?? [];
      if (!cluster || !outcome) continue;
      this.add({ cluster, outcome, count: Number(count), last: last ? Number(last) : undefined });
    }
  }

  entries(): Iterable<CatalogCalls & { readonly count: number }> {
    return this.#calls.values();
  }

  toString(): string {
    return [...this.#calls]
      .map(([key, { count, last }]) => `${key}=${count}${last === undefined ? '' : `@${last}`}`)
      .sort()
      .join(',');
  }
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
