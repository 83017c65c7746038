import type { Answerer, CallSeries, LatencySeries } from './call-series.ts';
import { envoyCluster } from './envoy-cluster.ts';
import { failed } from './failed.ts';
import { addHistograms, type Histogram } from './histogram.ts';
import { LabelMemory, type PrometheusSample, parsePrometheus } from './prometheus-text.ts';

/** Which calls matter. */
export interface WantedCalls {
  /** hosts that routes choose from, fully qualified */
  readonly hosts: readonly string[];
  /** absent: every port; proxies that don't tell the port are always read */
  readonly ports?: readonly number[];
}

/** Where one call went and how it ended, whatever the proxy calls its labels. */
type Outcome = Omit<CallSeries, 'count'>;

/**
 * Istio's own Envoy names its metrics as they are here; upstream Envoy's access logger, which stands in for it where
 * Istio's extensions are not built in, puts `envoy_` and a prefix of the configuration before them.
 */
const family =
  /^(?:envoy_.+_)?istio_(requests_total|request_duration_milliseconds_(?:bucket|sum)|tcp_connections_(?:opened|closed)_total)$/;

/** Reads what a proxy counted as the caller (`reporter="source"`), in either dialect. */
export function callSeries(
  text: string,
  wanted: WantedCalls,
  memory: LabelMemory = new LabelMemory(),
): { calls: readonly CallSeries[]; latency: readonly LatencySeries[] } {
  return collectCalls(seriesIn(text, memory), wanted);
}

/** The same from what was read already: samples of one name and the same labels together, a histogram's by their bounds. */
export function collectCalls(
  groups: readonly (readonly PrometheusSample[])[],
  wanted: WantedCalls,
): { calls: readonly CallSeries[]; latency: readonly LatencySeries[] } {
  const calls = new Map<string, CallSeries>();
  const latency = new Map<string, LatencyParts>();
  for (const series of groups) {
    const [first] = series;
    const outcome = first === undefined ? null : wantedOutcome(first, wanted);
    if (first === undefined || outcome === null) continue;
    const kind = family.exec(first.name)?.[1];
    if (kind?.startsWith('request_duration_')) addLatency(latency, outcome, series);
    else if (isCountedOnce(first.name, outcome)) addCall(calls, outcome, first.value);
  }
  return { calls: [...calls.values()], latency: [...latency.values()].map(assemble) };
}

/**
 * A TCP connection has a counter for its beginning and one for its end. One that was made counts when it begins, since
 * it may last for days; one that could not be made has in some dialects no beginning, so that one counts when it ends.
 */
export function isCountedOnce(name: string, outcome: Parameters<typeof failed>[0]): boolean {
  if (name.endsWith('_opened_total')) return !failed(outcome);
  return name.endsWith('_closed_total') ? failed(outcome) : true;
}

/** Lines in a row with the same labels: one counter, or all buckets of a histogram. */
function seriesIn(text: string, memory: LabelMemory): PrometheusSample[][] {
  const found: PrometheusSample[][] = [];
  let last: PrometheusSample[] = [];
  for (const sample of parsePrometheus(text, (name) => family.test(name), memory)) {
    if (sample.labels === last[0]?.labels && sample.name === last[0].name) {
      last.push(sample);
    } else {
      last = [sample];
      found.push(last);
    }
  }
  return found;
}

function wantedOutcome(sample: PrometheusSample, wanted: WantedCalls): Outcome | null {
  if (sample.labels.get('reporter') !== 'source') return null;
  const outcome = outcomeOf(sample);
  if (outcome === null || !wanted.hosts.includes(outcome.host)) return null;
  const otherPort =
    wanted.ports !== undefined && outcome.port !== null && !wanted.ports.includes(outcome.port);
  return otherPort ? null : outcome;
}

function outcomeOf(sample: PrometheusSample): Outcome | null {
  const { labels } = sample;
  const cluster = labels.get('upstream_cluster');
  const to = cluster === undefined ? serviceOf(labels) : envoyCluster(cluster);
  if (to === null) return null;
  return {
    host: to.host,
    port: to.port,
    answerer: cluster === undefined ? istioAnswerer(labels) : envoyAnswerer(labels),
    ...callOutcome(sample),
    attempts: number(labels.get('request_attempts')),
  };
}

/** How a call ended, in either dialect. */
export function callOutcome({
  name,
  labels,
}: PrometheusSample): Pick<CallSeries, 'responseCode' | 'grpcStatus' | 'flags'> {
  return {
    responseCode: name.includes('istio_tcp_') ? null : (number(labels.get('response_code')) ?? 0),
    grpcStatus: number(labels.get('grpc_response_status')),
    flags: text(labels.get('response_flags')) ?? '',
  };
}

function serviceOf(labels: ReadonlyMap<string, string>): { host: string; port: null } | null {
  const host = text(labels.get('destination_service'));
  return host === null ? null : { host, port: null };
}

function istioAnswerer(labels: ReadonlyMap<string, string>): Answerer {
  return {
    workload: text(labels.get('destination_workload')),
    namespace: text(labels.get('destination_workload_namespace')),
    address: null,
  };
}

/** upstream Envoy prints istiod's endpoint metadata as it is: `workload;namespace;service;revision;cluster` */
function envoyAnswerer(labels: ReadonlyMap<string, string>): Answerer {
  const [workload, namespace] = (text(labels.get('destination_workload')) ?? '').split(';');
  return {
    workload: workload || null,
    namespace: namespace || null,
    address: addressOf(text(labels.get('upstream_host'))),
  };
}

/** `10.21.0.5:3550` or `[fd00::5]:3550` without the port; null for what is no IP address */
function addressOf(host: string | null): string | null {
  return /^\[?([0-9a-fA-F.:]+?)\]?:\d+$/.exec(host ?? '')?.[1] ?? null;
}

/** Both dialects have words for "nothing here". */
function text(label: string | undefined): string | null {
  return label === undefined || label === '' || label === '-' || label === 'unknown' ? null : label;
}

function number(label: string | undefined): number | null {
  const known = text(label);
  return known === null || Number.isNaN(Number(known)) ? null : Number(known);
}

function addCall(calls: Map<string, CallSeries>, outcome: Outcome, count: number): void {
  const key = outcomeKey(outcome);
  calls.set(key, { ...outcome, count: (calls.get(key)?.count ?? 0) + count });
}

/** Two series with the same key are the same series. */
export function outcomeKey({
  host,
  port,
  answerer,
  responseCode,
  grpcStatus,
  flags,
  attempts,
}: Outcome): string {
  return [host, port, answererKey(answerer), responseCode, grpcStatus, flags, attempts].join('\u0001');
}

/** The same, for latencies, which are not kept apart by outcome. */
export function latencyKey({
  host,
  port,
  answerer,
}: Pick<LatencySeries, 'host' | 'port' | 'answerer'>): string {
  return [host, port, answererKey(answerer)].join('\u0001');
}

function answererKey({ workload, namespace, address }: Answerer): string {
  return [workload, namespace, address].join('\u0002');
}

/** The histograms of one host and answerer, one for each outcome, and their sums, which are lines of their own. */
interface LatencyParts {
  readonly of: Omit<LatencySeries, 'histogram'>;
  readonly histograms: Histogram[];
}

function addLatency(
  latency: Map<string, LatencyParts>,
  outcome: Outcome,
  series: readonly PrometheusSample[],
): void {
  const { host, port, answerer } = outcome;
  const key = latencyKey(outcome);
  const parts = latency.get(key) ?? { of: { host, port, answerer }, histograms: [] };
  latency.set(key, parts);
  const buckets = series.filter(({ bound }) => bound !== null);
  const sums = series.filter(({ bound }) => bound === null);
  parts.histograms.push({
    bounds: buckets.map(({ bound }) => bound ?? 0),
    cumulative: buckets.map(({ value }) => value),
    sum: sums.reduce((total, { value }) => total + value, 0),
  });
}

function assemble({ of, histograms }: LatencyParts): LatencySeries {
  return { ...of, histogram: histograms.reduce(addHistograms) };
}
