import { expect, it } from 'vitest';
import { inboundCalls } from './inbound.ts';

const upstream = `envoy_istiocustom_istio_requests_total{reporter="destination",response_flags="-",upstream_cluster="inbound|3550||",response_code="200",grpc_response_status="0"} 90
envoy_istiocustom_istio_requests_total{reporter="destination",response_flags="UF",upstream_cluster="inbound|3550||",response_code="503",grpc_response_status="14"} 3
envoy_istiocustom_istio_requests_total{reporter="destination",response_flags="-",upstream_cluster="inbound|9090||",response_code="200",grpc_response_status=""} 5
envoy_istiocustom_istio_requests_total{reporter="source",response_flags="-",upstream_cluster="outbound|7070||cart",response_code="200"} 7
`;

it('counts what came in for the port', () => {
  expect(inboundCalls(upstream, [3550])).toEqual([
    { responseCode: 200, grpcStatus: 0, flags: '', count: 90 },
    { responseCode: 503, grpcStatus: 14, flags: 'UF', count: 3 },
  ]);
});

it('counts a TCP connection when it is made: one that was there before is no new request when it ends', () => {
  const tcp = `istio_tcp_connections_opened_total{reporter="destination",response_flags="-"} 4
istio_tcp_connections_closed_total{reporter="destination",response_flags="-"} 3
`;
  expect(inboundCalls(tcp, [7000]).map(({ count }) => count)).toEqual([4]);
});

it("counts all that came in where the proxy doesn't name the port", () => {
  const istio =
    'istio_requests_total{reporter="destination",destination_service="catalog",response_code="200",response_flags="-"} 8\n';
  expect(inboundCalls(istio, [3550]).map(({ count }) => count)).toEqual([8]);
});
