import type { Prometheus, PrometheusRow } from '../effects/prometheus/port.ts';
import type { Caller, CallerCounters, CallerSample, UnreadCaller } from './call-series.ts';
import type { CallerSource } from './caller-source.ts';
import { collectCalls, type WantedCalls } from './normalise.ts';
import type { PrometheusSample } from './prometheus-text.ts';

export interface PrometheusCallersOptions extends WantedCalls {
  readonly cluster: string;
  /** the label that tells the cluster, where the server has the metrics of several; absent: it has only this one's */
  readonly clusterLabel?: string;
  /** older than this, what a server has says nothing about now; milliseconds, 90 s unless given */
  readonly staleAfterMs?: number;
}

const families = 'requests_total|tcp_connections_closed_total|request_duration_milliseconds_(bucket|sum)';

/** What a scrape adds to what the proxy said; the rest is the proxy's. */
const ofTheScrape: ReadonlySet<string> = new Set(['__name__', 'le']);

/**
 * The calling proxies' counters as Prometheus last scraped them: raw, as the proxies gave them, so that windows, resets
 * and pods that come and go are reckoned in one way, whatever the source. A proxy whose scrape fails is unread, and when
 * nothing was scraped for a while, the whole cluster is.
 */
export function prometheusCallers(server: Prometheus, options: PrometheusCallersOptions): CallerSource {
  const { cluster, clusterLabel, staleAfterMs = 90_000 } = options;
  const ofCluster = clusterLabel === undefined ? [] : [`${clusterLabel}=${quoted(cluster)}`];
  const calls = selector([
    `__name__=~${quoted(`(envoy_.+_)?istio_(${families})`)}`,
    'reporter="source"',
    `destination_service=~${quoted(options.hosts.map(literally).join('|'))}`,
    ...ofCluster,
  ]);
  const anyCall = selector([
    `__name__=~${quoted('(envoy_.+_)?istio_(requests_total|tcp_connections_closed_total)')}`,
    'reporter="source"',
    ...ofCluster,
  ]);
  const known = new Map<string, Caller>();

  return {
    async read({ signal } = {}) {
      const [rows, down, age] = await Promise.all([
        server.query(calls, signal),
        server.query('up == 0', signal),
        server.query(`time() - max(timestamp(${anyCall}))`, signal),
      ]);
      const callers = countersByCaller(rows, options);
      for (const { caller } of callers) known.set(nameOf(caller), caller);
      const seconds = age[0]?.value;
      if (callers.length > 0 && seconds !== undefined && seconds * 1_000 > staleAfterMs) {
        const why = `Prometheus at ${server.where} has scraped nothing for ${Math.round(seconds)} s`;
        return { cluster, callers: [], unread: callers.map(({ caller }) => ({ caller, why })) };
      }
      const failing = new Set(down.map(({ labels }) => `${labels.namespace}/${podOf(labels)}`));
      return withoutFailing({ cluster, callers, unread: [] }, failing, known, server.where);
    },
  };
}

/** Whose scrape fails has counters that stand still or are gone; it is the proxy that is unknown, not idle. */
function withoutFailing(
  sample: CallerSample,
  failing: ReadonlySet<string>,
  known: ReadonlyMap<string, Caller>,
  where: string,
): CallerSample {
  const unread: UnreadCaller[] = [...known]
    .filter(([name]) => failing.has(name))
    .map(([, caller]) => ({ caller, why: `Prometheus at ${where} can't scrape it` }));
  return {
    ...sample,
    callers: sample.callers.filter(({ caller }) => !failing.has(nameOf(caller))),
    unread,
  };
}

function countersByCaller(
  rows: readonly PrometheusRow[],
  options: PrometheusCallersOptions,
): readonly CallerCounters[] {
  const byPod = Map.groupBy(rows, ({ labels }) => `${labels.namespace}/${podOf(labels)}`);
  return [...byPod.values()].flatMap((ofPod) => {
    const labels = ofPod[0]?.labels;
    if (!labels) return [];
    const caller: Caller = {
      cluster: options.cluster,
      namespace: labels.namespace ?? '',
      pod: podOf(labels),
      workload: labels.source_workload ?? podOf(labels),
      // Prometheus does not know of a container's restart; its counters shrink then, which is told apart all the same.
      incarnation: `${labels.instance ?? ''}`,
    };
    return [{ caller, ...collectCalls(seriesOf(ofPod), options) }];
  });
}

/** Rows that differ in their bound only are one histogram. */
function seriesOf(rows: readonly PrometheusRow[]): readonly PrometheusSample[][] {
  const series = Map.groupBy(rows, ({ labels }) => JSON.stringify({ ...labels, le: '' }));
  return [...series.values()].map((group) => {
    const labels = new Map(Object.entries(group[0]?.labels ?? {}).filter(([name]) => !ofTheScrape.has(name)));
    return group
      .map(({ labels: { __name__: name = '', le }, value }) => ({
        name,
        labels,
        bound: le === undefined ? null : le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
        value,
      }))
      .toSorted((a, b) => (a.bound ?? 0) - (b.bound ?? 0));
  });
}

function podOf(labels: Readonly<Record<string, string>>): string {
  return labels.pod ?? labels.kubernetes_pod_name ?? labels.instance ?? 'unknown';
}

function nameOf({ namespace, pod }: Caller): string {
  return `${namespace}/${pod}`;
}

function selector(matchers: readonly string[]): string {
  return `{${matchers.join(',')}}`;
}

/** A string of PromQL, whose escapes are those of JSON as far as these strings go. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function literally(host: string): string {
  return host.replaceAll('.', '\\.');
}
