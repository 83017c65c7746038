import type { Ledger } from './ledger.ts';

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The books in Prometheus' text format. */
export function metrics(ledger: Ledger): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  };
  const books = [...ledger.books()];
  family('shop_requests_total', 'counter', 'Requests that were due, by route.');
  for (const { route, counts } of books) lines.push(`shop_requests_total{route="${route}"} ${counts.total}`);
  family('shop_request_failures_total', 'counter', 'Requests that failed, by route and kind.');
  for (const { route, kind, count } of ledger.failures()) {
    lines.push(`shop_request_failures_total{route="${route}",kind="${kind}"} ${count}`);
  }
  family(
    'shop_request_duration_seconds',
    'histogram',
    'From when a request was due to when its answer was complete.',
  );
  for (const { route, latency } of books) {
    for (const bound of BUCKETS_SECONDS) {
      lines.push(
        `shop_request_duration_seconds_bucket{route="${route}",le="${bound}"} ${latency.countUpTo(bound * 1000)}`,
      );
    }
    lines.push(
      `shop_request_duration_seconds_bucket{route="${route}",le="+Inf"} ${latency.count}`,
      `shop_request_duration_seconds_sum{route="${route}"} ${latency.sumMs / 1000}`,
      `shop_request_duration_seconds_count{route="${route}"} ${latency.count}`,
    );
  }
  family(
    'shop_catalog_calls_total',
    'counter',
    "Catalog calls, by the caller's cluster and the side that answered.",
  );
  for (const { cluster, outcome, count } of ledger.catalog.entries()) {
    lines.push(`shop_catalog_calls_total{cluster="${cluster}",outcome="${outcome}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
