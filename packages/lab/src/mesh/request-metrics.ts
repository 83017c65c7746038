import type { KubeObject } from '../kube/api-client.ts';
import { ISTIO_NAMESPACE } from './plug-in-ca.ts';

type Reporter = 'source' | 'destination';
interface Tag {
  readonly name: string;
  readonly value_format: string;
}

const STATS_LOGGER = 'type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config';

/**
 * Istio's request metrics from an Envoy that lacks Istio's own filters: each listener counts what it sees
 * by an access logger, exactly, from the first request on. README.md lists the labels.
 */
export function requestMetrics(): KubeObject[] {
  return [
    {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name: 'lab-request-metrics', namespace: ISTIO_NAMESPACE },
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

function http(context: string, reporter: Reporter): object {
  const tags = [
    ...commonTags(reporter),
    { name: 'response_code', value_format: '%RESPONSE_CODE%' },
    { name: 'grpc_response_status', value_format: '%GRPC_STATUS_NUMBER%' },
    { name: 'request_attempts', value_format: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%' },
  ];
  return accessLogger(context, 'envoy.filters.network.http_connection_manager', HCM, {
    counters: [counter('istio_requests_total', tags)],
    histograms: [
      {
        stat: { name: 'istio_request_duration_milliseconds', tags },
        unit: 'Milliseconds',
        value_format: '%DURATION%',
      },
    ],
  });
}

function tcp(context: string, reporter: Reporter): object {
  const tags = commonTags(reporter);
  return accessLogger(context, 'envoy.filters.network.tcp_proxy', TCP_PROXY, {
    counters: [
      counter('istio_tcp_connections_closed_total', tags),
      { stat: { name: 'istio_tcp_sent_bytes_total', tags }, value_format: '%BYTES_SENT%' },
      { stat: { name: 'istio_tcp_received_bytes_total', tags }, value_format: '%BYTES_RECEIVED%' },
    ],
  });
}

const HCM =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

function accessLogger(context: string, filter: string, filterType: string, stats: object): object {
  return {
    applyTo: 'NETWORK_FILTER',
    match: { context, listener: { filterChain: { filter: { name: filter } } } },
    patch: {
      operation: 'MERGE',
      value: {
        name: filter,
        typed_config: {
          '@type': filterType,
          access_log: [
            {
              name: 'envoy.access_loggers.stats',
              typed_config: { '@type': STATS_LOGGER, stat_prefix: 'lab', ...stats },
            },
          ],
        },
      },
    },
  };
}

function counter(name: string, tags: readonly Tag[]): object {
  return { stat: { name, tags }, value_fixed: 1 };
}

function commonTags(reporter: Reporter): Tag[] {
  return [
    { name: 'reporter', value_format: reporter },
    { name: 'response_flags', value_format: '%RESPONSE_FLAGS%' },
    { name: 'upstream_cluster', value_format: '%UPSTREAM_CLUSTER_RAW%' },
    { name: 'upstream_host', value_format: '%UPSTREAM_HOST%' },
    { name: 'destination_workload', value_format: '%UPSTREAM_METADATA(istio:workload)%' },
  ];
}
