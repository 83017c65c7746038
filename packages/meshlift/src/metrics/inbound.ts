import type { CallSeries } from './call-series.ts';
import { callOutcome } from './normalise.ts';
import { type PrometheusSample, parsePrometheus } from './prometheus-text.ts';

/** What a proxy let in for one port. */
export interface InboundCalls {
  readonly calls: readonly Pick<CallSeries, 'responseCode' | 'grpcStatus' | 'flags' | 'count'>[];
  readonly activeRequests: number;
  readonly activeConnections: number;
}

const counted = /^(?:envoy_.+_)?istio_(?:requests_total|tcp_connections_closed_total)$/;
const activeRequests = 'envoy_cluster_upstream_rq_active';
const activeConnections = 'envoy_cluster_upstream_cx_active';

/**
 * Reads a proxy's own view as the callee (`reporter="destination"`). Istio's dialect doesn't name the port in its
 * request counters, so all that came in is counted there; on a VM of one service that is the same.
 */
export function inboundCalls(text: string, port: number): InboundCalls {
  const samples = parsePrometheus(
    text,
    (name) => counted.test(name) || name === activeRequests || name === activeConnections,
  );
  const gauge = (name: string) =>
    samples
      .filter(
        (sample) => sample.name === name && isInboundCluster(sample.labels.get('envoy_cluster_name'), port),
      )
      .reduce((sum, { value }) => sum + value, 0);
  return {
    calls: samples
      .filter((sample) => counted.test(sample.name) && isInboundCall(sample, port))
      .map((sample) => ({ ...callOutcome(sample), count: sample.value })),
    activeRequests: gauge(activeRequests),
    activeConnections: gauge(activeConnections),
  };
}

function isInboundCall({ labels }: PrometheusSample, port: number): boolean {
  if (labels.get('reporter') !== 'destination') return false;
  const cluster = labels.get('upstream_cluster');
  return cluster === undefined || isInboundCluster(cluster, port);
}

/** `inbound|3550||`; Envoy's own statistics print the name with other separators in some versions */
function isInboundCluster(name: string | undefined, port: number): boolean {
  return name !== undefined && new RegExp(`^inbound\\|${port}\\|`).test(name);
}
