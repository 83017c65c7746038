/**
 * What a sidecar's statistics page looks like in a mesh of a few dozen services: some five thousand lines, of which a
 * reader of one service's calls needs a few dozen. Counters grow with time, at the caller's rate.
 */
const services = 120;
const clusterStats = [
  ...['upstream_cx_total', 'upstream_cx_active', 'upstream_cx_destroy', 'upstream_cx_connect_fail'],
  ...['upstream_cx_rx_bytes_total', 'upstream_cx_tx_bytes_total', 'upstream_rq_total', 'upstream_rq_active'],
  ...['upstream_rq_pending_total', 'upstream_rq_timeout', 'upstream_rq_retry', 'upstream_rq_rx_reset'],
  ...['membership_healthy', 'membership_total', 'lb_healthy_panic', 'assignment_stale', 'update_success'],
  ...['bind_errors', 'max_host_weight', 'version', 'original_dst_host_invalid', 'lb_zone_cluster_too_small'],
  ...[
    'upstream_flow_control_paused_reading_total',
    'upstream_internal_redirect_failed_total',
    'retry_or_shadow_abandoned',
  ],
];
const bounds = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];
const otherServices = 14;

export interface Calls {
  readonly host: string;
  readonly workload: string;
  readonly grpcStatus: number;
  /** of all calls of this caller */
  readonly share: number;
}

/** One line: everything before its number, and what its number is of the requests that the caller has made. */
interface Line {
  readonly text: string;
  readonly share: number;
}

/** The page's lines, the same for every caller but for the numbers. */
export function pageLines(calls: readonly Calls[]): readonly Line[] {
  const lines: Line[] = [];
  for (const stat of clusterStats) {
    lines.push({ text: `# TYPE envoy_cluster_${stat} counter`, share: Number.NaN });
    for (let i = 0; i < services; i += 1) {
      const cluster = `outbound|80||service-${i}.team-${i % 9}.svc.cluster.local`;
      lines.push({ text: `envoy_cluster_${stat}{cluster_name="${cluster}"} `, share: 1 / services });
    }
  }
  const all = [
    ...calls,
    ...Array.from({ length: otherServices }, (_, i) => ({
      host: `service-${i}.team-${i % 9}.svc.cluster.local`,
      workload: `service-${i}`,
      grpcStatus: 0,
      share: 1 / otherServices,
    })),
  ];
  lines.push({ text: '# TYPE istio_requests_total counter', share: Number.NaN });
  for (const call of all) lines.push({ text: `istio_requests_total{${labels(call)}} `, share: call.share });
  for (const family of [
    'istio_request_duration_milliseconds',
    'istio_request_bytes',
    'istio_response_bytes',
  ]) {
    lines.push({ text: `# TYPE ${family} histogram`, share: Number.NaN });
    for (const call of all) {
      for (const [i, bound] of bounds.entries()) {
        const below = i < 3 ? i / 4 : 1;
        lines.push({ text: `${family}_bucket{${labels(call)},le="${bound}"} `, share: call.share * below });
      }
      lines.push({ text: `${family}_bucket{${labels(call)},le="+Inf"} `, share: call.share });
      lines.push({ text: `${family}_sum{${labels(call)}} `, share: 7 * call.share });
      lines.push({ text: `${family}_count{${labels(call)}} `, share: call.share });
    }
  }
  return lines;
}

/** The page as text, for a caller that has made so many requests. */
export function page(lines: readonly Line[], requests: number): string {
  return lines
    .map(({ text, share }) => (Number.isNaN(share) ? text : `${text}${Math.floor(share * requests)}`))
    .join('\n');
}

/** As Envoy does with `?filter=`: only what the expression is found in. */
export function filtered(lines: readonly Line[], filter: string | null): readonly Line[] {
  if (filter === null) return lines;
  const wanted = new RegExp(filter);
  return lines.filter(({ text }) => wanted.test(text));
}

function labels({ host, workload, grpcStatus }: Calls): string {
  return [
    'reporter="source",source_workload="frontend",source_canonical_service="frontend"',
    'source_canonical_revision="latest",source_workload_namespace="default"',
    'source_principal="spiffe://cluster.local/ns/default/sa/frontend",source_app="frontend",source_version=""',
    `source_cluster="cluster1",destination_workload="${workload}",destination_workload_namespace="default"`,
    `destination_principal="spiffe://cluster.local/ns/default/sa/${workload}",destination_app="${workload}"`,
    `destination_version="",destination_service="${host}",destination_canonical_service="${workload}"`,
    `destination_canonical_revision="latest",destination_service_name="${host.split('.')[0]}"`,
    'destination_service_namespace="default",destination_cluster="cluster2",request_protocol="grpc"',
    `response_code="200",grpc_response_status="${grpcStatus}",response_flags="-"`,
    'connection_security_policy="unknown"',
  ].join(',');
}
