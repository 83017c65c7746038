import type { KubeObject } from '../kube/api-client.ts';
import { ISTIO_NAMESPACE } from './plug-in-ca.ts';

type Reporter = 'source' | 'destination';

interface Tag {
  readonly name: string;
  readonly value_format: string;
}

/** Proxies keep statistics only if their names start with one of a few words; this is one of them. */
const SCOPE = 'istiocustom';
const STATS_LOGGER = 'type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config';
const NETWORK_FILTERS = 'type.googleapis.com/envoy.extensions.filters.network';
const HTTP = {
  name: 'envoy.filters.network.http_connection_manager',
  type: `${NETWORK_FILTERS}.http_connection_manager.v3.HttpConnectionManager`,
};
const TCP = { name: 'envoy.filters.network.tcp_proxy', type: `${NETWORK_FILTERS}.tcp_proxy.v3.TcpProxy` };

/**
 * Istio's request metrics from an Envoy that lacks Istio's own filters: each listener counts what it sees
 * by an access logger, exactly, from the first request on. README.md lists the labels.
 */
export function requestMetrics(): KubeObject[] {
  return [
    {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: {
        name: 'request-metrics',
        namespace: ISTIO_NAMESPACE,
        // "EnvoyFilter exposes internal implementation details": it does, and this one is made for just this version.
        annotations: { 'galley.istio.io/analyze-suppress': 'IST0133' },
      },
      spec: {
        configPatches: [
          http('SIDECAR_OUTBOUND', 'source'),
          http('GATEWAY', 'source'),
          http('SIDECAR_INBOUND', 'destination'),
          tcp('SIDECAR_OUTBOUND', 'source'),
          tcp('GATEWAY', 'source'),
          tcp('SIDECAR_INBOUND', 'destination'),
        ],
      },
    },
  ];
}

/** Milliseconds. Envoy's own buckets are too far apart to tell a p99 of 12 ms from one of 24 ms. */
const DURATION_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000,
  3000, 4000, 5000, 10_000, 30_000,
];

/** Annotations that every injected proxy gets; the VM's keeps Envoy's own buckets. */
export const METRICS_ANNOTATIONS: Readonly<Record<string, string>> = {
  'sidecar.istio.io/statsHistogramBuckets': JSON.stringify({ [SCOPE]: DURATION_BUCKETS }),
  // A histogram shows what was counted up to the last flush; counters show every request at once.
  'sidecar.istio.io/statsFlushInterval': '1s',
};

function http(context: string, reporter: Reporter): object {
  const outcome = [
    { name: 'response_code', value_format: '%RESPONSE_CODE%' },
    { name: 'grpc_response_status', value_format: '%GRPC_STATUS_NUMBER%' },
  ];
  const attempts = { name: 'request_attempts', value_format: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%' };
  return patch(context, HTTP, {
    access_log: [
      statsLogger({
        counters: [counter('istio_requests_total', [...callTags(reporter), ...outcome, attempts])],
        histograms: [
          {
            // Thirty lines per series: only the labels that tell who answered and how it ended.
            stat: { name: 'istio_request_duration_milliseconds', tags: [...routeTags(reporter), ...outcome] },
            unit: 'Milliseconds',
            value_format: '%DURATION%',
          },
        ],
      }),
    ],
  });
}

function tcp(context: string, reporter: Reporter): object {
  const tags = callTags(reporter);
  // Who calls is known only after the TLS handshake.
  const opened = tags.filter(
    ({ name }) => name !== 'source_principal' && name !== 'connection_security_policy',
  );
  return patch(context, TCP, {
    access_log: [
      statsLogger(
        { counters: [counter('istio_tcp_connections_opened_total', opened)] },
        'TcpUpstreamConnected',
      ),
      statsLogger(
        {
          counters: [
            counter('istio_tcp_connections_closed_total', tags),
            { stat: { name: 'istio_tcp_sent_bytes_total', tags }, value_format: '%BYTES_SENT%' },
            { stat: { name: 'istio_tcp_received_bytes_total', tags }, value_format: '%BYTES_RECEIVED%' },
          ],
        },
        'TcpConnectionEnd',
      ),
    ],
    access_log_options: { flush_access_log_on_connected: true },
  });
}

function patch(context: string, filter: { name: string; type: string }, config: object): object {
  return {
    applyTo: 'NETWORK_FILTER',
    match: { context, listener: { filterChain: { filter: { name: filter.name } } } },
    patch: {
      operation: 'MERGE',
      value: { name: filter.name, typed_config: { '@type': filter.type, ...config } },
    },
  };
}

/** `when` restricts it to one kind of log entry: a TCP connection has one at its start and one at its end. */
function statsLogger(stats: object, when?: string): object {
  return {
    name: 'envoy.access_loggers.stats',
    ...(when ? { filter: { log_type_filter: { types: [when] } } } : {}),
    typed_config: { '@type': STATS_LOGGER, stats_scope: { prefix: SCOPE }, ...stats },
  };
}

function counter(name: string, tags: readonly Tag[]): object {
  return { stat: { name, tags }, value_fixed: 1 };
}

/** Real Istio's labels where Envoy can tell them, and Envoy's own view (`upstream_…`) beside them. */
function callTags(reporter: Reporter): Tag[] {
  return [
    ...routeTags(reporter),
    { name: 'response_flags', value_format: '%RESPONSE_FLAGS%' },
    { name: 'destination_service_name', value_format: chosenService('name') },
    { name: 'destination_service_namespace', value_format: chosenService('namespace') },
    { name: `${reporter}_workload_namespace`, value_format: ownNode('NAMESPACE') },
    { name: `${reporter}_cluster`, value_format: ownNode('CLUSTER_ID') },
    ...(reporter === 'source'
      ? [{ name: 'source_workload', value_format: ownNode('WORKLOAD_NAME') }]
      : [
          { name: 'source_principal', value_format: '%DOWNSTREAM_PEER_URI_SAN%' },
          {
            name: 'connection_security_policy',
            value_format: "%CEL(connection.mtls ? 'mutual_tls' : 'none')%",
          },
        ]),
  ];
}

function routeTags(reporter: Reporter): Tag[] {
  return [
    { name: 'reporter', value_format: reporter },
    { name: 'destination_service', value_format: chosenService('host') },
    {
      name: 'destination_workload',
      // The caller knows what istiod says of the endpoint: workload;namespace;canonical service;revision;cluster.
      value_format: reporter === 'source' ? '%UPSTREAM_METADATA(istio:workload)%' : ownNode('WORKLOAD_NAME'),
    },
    { name: 'upstream_cluster', value_format: '%UPSTREAM_CLUSTER_RAW%' },
    { name: 'upstream_host', value_format: '%UPSTREAM_HOST%' },
  ];
}

function ownNode(field: 'WORKLOAD_NAME' | 'NAMESPACE' | 'CLUSTER_ID'): string {
  return `%CEL(xds.node.metadata['${field}'])%`;
}

/** What istiod says of the service that the route chose, whoever answered in its place. */
function chosenService(field: 'host' | 'name' | 'namespace'): string {
  return `%CEL(xds.cluster_metadata.filter_metadata['istio']['services'][0]['${field}'])%`;
}
