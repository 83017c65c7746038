import { expect, it } from 'vitest';
import { totalCount } from './histogram.ts';
import { callSeries } from './normalise.ts';

const vm = 'productcatalogservice-vm.default.side';
const wanted = { hosts: [vm], ports: [3550] };

/** As Istio's own Envoy prints it (labels that don't matter here left out). */
const istio = `# TYPE istio_requests_total counter
istio_requests_total{reporter="source",source_workload="frontend",destination_workload="productcatalogservice",destination_workload_namespace="default",destination_service="${vm}",destination_service_name="${vm}",request_protocol="grpc",response_code="200",grpc_response_status="0",response_flags="-"} 40
istio_requests_total{reporter="source",source_workload="frontend",destination_workload="unknown",destination_workload_namespace="unknown",destination_service="${vm}",destination_service_name="${vm}",request_protocol="grpc",response_code="503",grpc_response_status="14",response_flags="UF,URX"} 2
istio_requests_total{reporter="source",destination_workload="cart",destination_service="cartservice.default.svc.cluster.local",response_code="200",response_flags="-"} 7
istio_requests_total{reporter="destination",destination_service="${vm}",response_code="200",response_flags="-"} 99
istio_request_duration_milliseconds_bucket{reporter="source",destination_workload="productcatalogservice",destination_workload_namespace="default",destination_service="${vm}",response_code="200",le="5"} 30
istio_request_duration_milliseconds_bucket{reporter="source",destination_workload="productcatalogservice",destination_workload_namespace="default",destination_service="${vm}",response_code="200",le="+Inf"} 40
istio_request_duration_milliseconds_sum{reporter="source",destination_workload="productcatalogservice",destination_workload_namespace="default",destination_service="${vm}",response_code="200"} 130
`;

/** The same, as upstream Envoy's access logger prints it. */
const upstream = `envoy_lab_istio_requests_total{reporter="source",response_flags="-",upstream_cluster="outbound|3550||${vm}",upstream_host="10.10.100.10:3550",destination_workload="productcatalogservice;default;productcatalogservice;latest;cluster1",response_code="200",grpc_response_status="0",request_attempts="1"} 40
envoy_lab_istio_requests_total{reporter="source",response_flags="UF,URX",upstream_cluster="outbound|3550||${vm}",upstream_host="-",destination_workload="-",response_code="503",grpc_response_status="14",request_attempts="3"} 2
envoy_lab_istio_requests_total{reporter="source",response_flags="-",upstream_cluster="outbound|7070||cartservice.default.svc.cluster.local",upstream_host="10.22.0.5:7070",destination_workload="-",response_code="200",grpc_response_status="-",request_attempts="1"} 7
envoy_lab_istio_requests_total{reporter="destination",response_flags="-",upstream_cluster="inbound|3550||",upstream_host="10.10.100.10:3550",response_code="200"} 99
envoy_lab_istio_request_duration_milliseconds_bucket{reporter="source",upstream_cluster="outbound|3550||${vm}",upstream_host="10.10.100.10:3550",destination_workload="productcatalogservice;default;x;y;z",response_code="200",le="5"} 30
envoy_lab_istio_request_duration_milliseconds_bucket{reporter="source",upstream_cluster="outbound|3550||${vm}",upstream_host="10.10.100.10:3550",destination_workload="productcatalogservice;default;x;y;z",response_code="200",le="+Inf"} 40
envoy_lab_istio_request_duration_milliseconds_sum{reporter="source",upstream_cluster="outbound|3550||${vm}",upstream_host="10.10.100.10:3550",destination_workload="productcatalogservice;default;x;y;z",response_code="200"} 130
`;

it.each([
  ["Istio's own Envoy", istio, { address: null, port: null, attempts: [null, null] }],
  ['upstream Envoy', upstream, { address: '10.10.100.10', port: 3550, attempts: [1, 3] }],
])('reads what %s counted as the caller of the wanted hosts', (_name, text, known) => {
  const { calls, latency } = callSeries(text, wanted);
  expect(calls).toEqual([
    {
      host: vm,
      port: known.port,
      answerer: { workload: 'productcatalogservice', namespace: 'default', address: known.address },
      responseCode: 200,
      grpcStatus: 0,
      flags: '',
      attempts: known.attempts[0],
      count: 40,
    },
    {
      host: vm,
      port: known.port,
      answerer: { workload: null, namespace: null, address: null },
      responseCode: 503,
      grpcStatus: 14,
      flags: 'UF,URX',
      attempts: known.attempts[1],
      count: 2,
    },
  ]);
  expect(latency).toHaveLength(1);
  expect(latency[0]?.histogram).toEqual({
    bounds: [5, Number.POSITIVE_INFINITY],
    cumulative: [30, 40],
    sum: 130,
  });
});

it('leaves out another port where the proxy tells the port', () => {
  expect(callSeries(upstream, { ...wanted, ports: [80] }).calls).toEqual([]);
});

it('adds up the latencies of all outcomes of one answerer', () => {
  const more = istio
    .replaceAll('response_code="200",le=', 'response_code="404",le=')
    .replaceAll('response_code="200"} 130', 'response_code="404"} 130');
  const { latency } = callSeries(`${istio}${more}`, wanted);
  expect(latency).toHaveLength(1);
  expect(latency[0] && totalCount(latency[0].histogram)).toBe(80);
});

it('reads an IPv6 answerer', () => {
  const text = upstream.replaceAll('10.10.100.10:3550', '[fd00::a]:3550');
  expect(callSeries(text, wanted).calls[0]?.answerer.address).toBe('fd00::a');
});

it('counts a TCP connection once, when it is made, or when it is given up', () => {
  const line = (end: string, flags: string, count: number) =>
    `istio_tcp_connections_${end}_total{reporter="source",destination_workload="db",destination_service="${vm}",response_flags="${flags}"} ${count}\n`;
  const seen = callSeries(
    line('opened', '-', 9) + line('closed', '-', 5) + line('opened', 'UF', 3) + line('closed', 'UF', 3),
    wanted,
  );
  expect(seen.calls).toMatchObject([
    { responseCode: null, grpcStatus: null, flags: '', count: 9 },
    { responseCode: null, grpcStatus: null, flags: 'UF', count: 3 },
  ]);
});

it('counts TCP connections, which have no code', () => {
  const text = `istio_tcp_connections_closed_total{reporter="source",destination_workload="db",destination_service="${vm}",response_flags="UF"} 3\n`;
  expect(callSeries(text, wanted).calls).toMatchObject([
    { responseCode: null, grpcStatus: null, flags: 'UF', count: 3 },
  ]);
});
