import { CatalogTally } from '../catalog-calls/tally.ts';
import { Histogram } from './histogram.ts';

/**
 * Why a request failed. `status-…` is an HTTP or gRPC status that is not a success, `degraded` a page that came but
 * lacked a part, `connect` no connection, `reset` a connection that broke under the request, `timeout` no answer in
 * time, `unsent` a request that was due but could not be sent in time.
 */
export type FailureKind = `status-${string}` | 'degraded' | 'connect' | 'reset' | 'timeout' | 'unsent';

/** What became of one request. */
export interface Outcome {
  /** E.g. `home`, `product`, or `catalog-direct`. */
  readonly route: string;
  /** From when the request was due to when its answer was complete. */
  readonly ms: number;
  readonly failure?: FailureKind | undefined;
  /** {@link CatalogTally} as the answer wrote it. */
  readonly catalogCalls?: string | undefined;
}

export interface Counts {
  total: number;
  failed: number;
}

/** How long requests took, in milliseconds; null while there are none. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** What became of the requests of one route. */
export interface RouteStats extends Readonly<Counts> {
  readonly failuresByKind: Readonly<Record<string, number>>;
  readonly latency: Quantiles;
}

/** Everything counted since a moment. Times are ISO 8601, durations milliseconds. */
export interface Stats {
  /** `waiting` until every way into the shop succeeded once; nothing is counted before. */
  readonly state: 'waiting' | 'running';
  readonly startedAt: string | null;
  /** The mark that this counts from; null for the start. */
  readonly since: string | null;
  readonly from: string | null;
  readonly seconds: number;
  readonly requests: Counts;
  /** Requests that are due and whose outcome is not known yet; they are in none of the other figures. */
  readonly pending: number;
  readonly byRoute: Readonly<Record<string, RouteStats>>;
  readonly failuresByKind: Readonly<Record<string, number>>;
  readonly latency: Quantiles;
  readonly catalogCalls: Counts & {
    /** Answered calls by side. */
    readonly bySide: Readonly<Record<string, number>>;
    /** Calls by the caller's cluster, answered by side or failed. */
    readonly byCluster: Readonly<Record<string, Readonly<Record<string, number>>>>;
    /** When such a call last reached the side that answered it, ever; where that was not said, when it was answered. */
    readonly lastAt: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

interface Failures {
  readonly route: string;
  readonly kind: string;
  readonly count: number;
}

interface RouteBook {
  counts: Counts;
  latency: Histogram;
}

/** Monotonic state of the books at one moment. */
interface Snapshot {
  readonly at: Date;
  readonly routes: ReadonlyMap<string, { counts: Counts; latency: Histogram }>;
  readonly failures: ReadonlyMap<string, number>;
  readonly catalog: ReadonlyMap<string, number>;
}

const MOST_MARKS = 1000;

/** The books: every request is entered once, nothing is ever taken out, windows are differences between marks. */
export class Ledger {
  readonly #routes = new Map<string, RouteBook>();
  readonly #failures = new Map<string, number>();
  readonly #catalog = new CatalogTally();
  readonly #marks = new Map<string, Snapshot>();
  readonly #now: () => Date;
  #startedAt: Date | null = null;
  #pending = 0;
  #nextMark = 1;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  get started(): boolean {
    return this.#startedAt !== null;
  }

  /** Begins counting. */
  start(): void {
    this.#startedAt ??= this.#now();
  }

  /** A request is due: its outcome will be entered. */
  due(): void {
    this.#pending += 1;
  }

  /** Enters the outcome of a request that was due. */
  enter({ route, ms, failure, catalogCalls }: Outcome): void {
    let book = this.#routes.get(route);
    if (book === undefined) {
      book = { counts: { total: 0, failed: 0 }, latency: new Histogram() };
      this.#routes.set(route, book);
    }
    this.#pending -= 1;
    book.counts.total += 1;
    book.latency.record(ms);
    if (failure !== undefined) {
      book.counts.failed += 1;
      const key = `${route} ${failure}`;
      this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    }
    this.#enterCatalogCalls(catalogCalls);
  }

  /** Remembers this moment; the id is for {@link stats}. The oldest of very many marks are forgotten. */
  mark(): string {
    const id = String(this.#nextMark);
    this.#nextMark += 1;
    this.#marks.set(id, this.#snapshot());
    const oldest = this.#marks.keys().next().value;
    if (this.#marks.size > MOST_MARKS && oldest !== undefined) this.#marks.delete(oldest);
    return id;
  }

  /** What was counted since the mark, or since the start; undefined for a mark that is not known. */
  stats(since: string | null = null): Stats | undefined {
    const earlier = since === null ? undefined : this.#marks.get(since);
    if (since !== null && earlier === undefined) return undefined;
    const routes = new Map(
      [...this.#routes].map(([route, { counts, latency }]) => {
        const before = earlier?.routes.get(route);
        return [
          route,
          {
            counts: {
              total: counts.total - (before?.counts.total ?? 0),
              failed: counts.failed - (before?.counts.failed ?? 0),
            },
            latency: before === undefined ? latency : latency.since(before.latency),
          },
        ] as const;
      }),
    );
    const requests: Counts = { total: 0, failed: 0 };
    const overall = new Histogram();
    for (const { counts, latency } of routes.values()) {
      requests.total += counts.total;
      requests.failed += counts.failed;
      overall.add(latency);
    }
    const from = earlier?.at ?? this.#startedAt;
    const failures = this.#failuresSince(earlier);
    return {
      state: this.started ? 'running' : 'waiting',
      startedAt: this.#startedAt?.toISOString() ?? null,
      since,
      from: from?.toISOString() ?? null,
      seconds: from === null ? 0 : (this.#now().getTime() - from.getTime()) / 1000,
      requests,
      pending: this.#pending,
      byRoute: Object.fromEntries(
        [...routes].map(([route, { counts, latency }]) => [
          route,
          {
            ...counts,
            failuresByKind: byKind(failures.filter((failure) => failure.route === route)),
            latency: quantiles(latency),
          },
        ]),
      ),
      failuresByKind: byKind(failures),
      latency: quantiles(overall),
      catalogCalls: this.#catalogCalls(earlier),
    };
  }

  /** The books as they are, for metrics. */
  *books(): Generator<{ route: string; counts: Readonly<Counts>; latency: Histogram }> {
    for (const [route, book] of this.#routes) yield { route, ...book };
  }

  *failures(): Generator<Failures> {
    for (const [key, count] of this.#failures) {
      const [route = '', kind = ''] = key.split(' ');
      yield { route, kind, count };
    }
  }

  get catalog(): CatalogTally {
    return this.#catalog;
  }

  #enterCatalogCalls(text: string | undefined): void {
    const calls = new CatalogTally();
    calls.merge(text);
    const now = this.#now().getTime();
    for (const call of calls.entries()) this.#catalog.add({ ...call, last: call.last ?? now });
  }

  #snapshot(): Snapshot {
    return {
      at: this.#now(),
      routes: new Map(
        [...this.#routes].map(([route, { counts, latency }]) => [
          route,
          { counts: { ...counts }, latency: latency.copy() },
        ]),
      ),
      failures: new Map(this.#failures),
      catalog: new Map(
        [...this.#catalog.entries()].map(({ cluster, outcome, count }) => [`${cluster}/${outcome}`, count]),
      ),
    };
  }

  #failuresSince(earlier: Snapshot | undefined): Failures[] {
    return [...this.failures()].map(({ route, kind, count }) => ({
      route,
      kind,
      count: count - (earlier?.failures.get(`${route} ${kind}`) ?? 0),
    }));
  }

  #catalogCalls(earlier: Snapshot | undefined): Stats['catalogCalls'] {
    const bySide: Record<string, number> = {};
    const byCluster: Record<string, Record<string, number>> = {};
    const lastAt: Record<string, Record<string, string>> = {};
    const counts: Counts = { total: 0, failed: 0 };
    for (const { cluster, outcome, count, last } of this.#catalog.entries()) {
      if (last !== undefined)
        lastAt[cluster] = { ...lastAt[cluster], [outcome]: new Date(last).toISOString() };
      const more = count - (earlier?.catalog.get(`${cluster}/${outcome}`) ?? 0);
      if (more === 0) continue;
      counts.total += more;
      if (outcome === 'failed') counts.failed += more;
      else bySide[outcome] = (bySide[outcome] ?? 0) + more;
      const ofCluster = byCluster[cluster] ?? {};
      ofCluster[outcome] = (ofCluster[outcome] ?? 0) + more;
      byCluster[cluster] = ofCluster;
    }
    return { ...counts, bySide, byCluster, lastAt };
  }
}

function byKind(failures: readonly Failures[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, count } of failures) if (count > 0) counts[kind] = (counts[kind] ?? 0) + count;
  return counts;
}

function quantiles(latency: Histogram): Quantiles {
  const at = (share: number): number | null => {
    const ms = latency.quantile(share);
    return ms === undefined ? null : Math.round(ms * 10) / 10;
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
