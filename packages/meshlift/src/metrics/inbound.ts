import type { CallSeries } from './call-series.ts';
import { callOutcome, isCountedOnce } from './normalise.ts';
import { type PrometheusSample, parsePrometheus } from './prometheus-text.ts';

export type InboundCall = Pick<CallSeries, 'responseCode' | 'grpcStatus' | 'flags' | 'count'>;

const counted = /^(?:envoy_.+_)?istio_(?:requests_total|tcp_connections_(?:opened|closed)_total)$/;

/**
 * Reads a proxy's own view as the callee (`reporter="destination"`) for some ports. Istio's dialect doesn't name the port
 * in its counters, so all that came in is counted there; on a VM of one service that is the same.
 */
export function inboundCalls(text: string, ports: readonly number[]): readonly InboundCall[] {
  return parsePrometheus(text, (name) => counted.test(name))
    .filter((sample) => isInbound(sample, ports))
    .map((sample) => ({ name: sample.name, outcome: callOutcome(sample), count: sample.value }))
    .filter(({ name, outcome }) => isCountedOnce(name, outcome))
    .map(({ outcome, count }) => ({ ...outcome, count }));
}

function isInbound({ labels }: PrometheusSample, ports: readonly number[]): boolean {
  const cluster = labels.get('upstream_cluster');
  return (
    labels.get('reporter') === 'destination' &&
    (cluster === undefined || ports.some((port) => cluster.startsWith(`inbound|${port}|`)))
  );
}
