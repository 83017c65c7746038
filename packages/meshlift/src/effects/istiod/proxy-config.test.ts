import { expect, it } from 'vitest';
import {
  endpointsOf,
  inboundActivity,
  parseEndpoints,
  parseHosts,
  parseRoutes,
  routesTo,
} from './proxy-config.ts';

const service = { host: 'catalog.default.svc.cluster.local', port: 3550 };

const configDump = JSON.stringify({
  configs: [
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig',
      version_info: '2026',
      route_config: {
        name: '3550',
        virtual_hosts: [
          {
            name: 'catalog.default.svc.cluster.local:3550',
            domains: ['catalog.default.svc.cluster.local', 'catalog', 'catalog.default'],
            routes: [
              {
                name: 'to-the-copy',
                match: {
                  prefix: '/',
                  headers: [{ name: 'x-meshlift-side', string_match: { exact: 'k8s' } }],
                },
                route: { cluster: 'outbound|3550||catalog-k8s.default.side' },
              },
              {
                name: 'split-7',
                match: { prefix: '/' },
                route: {
                  weighted_clusters: {
                    clusters: [
                      { name: 'outbound|3550||catalog-vm.default.side', weight: 80 },
                      { name: 'outbound|3550||catalog-k8s.default.side', weight: 20 },
                      { name: 'outbound|3550|v1|catalog-none.default.side' },
                    ],
                  },
                  retry_policy: { retry_on: 'connect-failure,reset' },
                },
              },
            ],
          },
          {
            domains: ['*'],
            routes: [{ name: 'allow_any', match: {}, route: { cluster: 'PassthroughCluster' } }],
          },
        ],
      },
    },
  ],
});

it('reads names, weights and what must match, in match order', () => {
  const routes = routesTo(parseRoutes(configDump), service);
  expect(routes.map(({ name }) => name)).toEqual(['to-the-copy', 'split-7']);
  expect(routes[0]).toMatchObject({
    config: '3550',
    headers: ['x-meshlift-side'],
    destinations: [{ host: 'catalog-k8s.default.side', port: 3550, weight: 100 }],
    retryOn: null,
  });
  expect(routes[1]).toMatchObject({
    headers: [],
    retryOn: 'connect-failure,reset',
    destinations: [
      { host: 'catalog-vm.default.side', weight: 80, subset: '' },
      { host: 'catalog-k8s.default.side', weight: 20 },
      { host: 'catalog-none.default.side', weight: 0, subset: 'v1' },
    ],
  });
});

it('has no destination for what leads to no service', () => {
  expect(parseRoutes(configDump).find(({ name }) => name === 'allow_any')?.destinations).toEqual([]);
});

it('finds no route to a service that a proxy does not know', () => {
  expect(routesTo(parseRoutes(configDump), { host: 'other.default.svc.cluster.local', port: 1 })).toEqual([]);
  expect(parseRoutes('{}')).toEqual([]);
});

function host(address: string, health: Record<string, unknown>, priority = 0) {
  return {
    address: { socket_address: { address, port_value: 3550 } },
    health_status: health,
    priority,
    weight: 1,
  };
}

const clustersPage = JSON.stringify({
  cluster_statuses: [
    {
      name: 'outbound|3550||catalog-vm.default.side',
      host_statuses: [
        host('10.10.100.10', { eds_health_status: 'HEALTHY' }),
        host('10.10.2.100', { eds_health_status: 'UNKNOWN' }, 1),
        host('fd00::5', { eds_health_status: 'HEALTHY', failed_outlier_check: true }),
        host('10.10.100.11', { eds_health_status: 'UNHEALTHY' }),
        host('10.10.100.12', {}),
        { address: { envoy_internal_address: { server_listener_name: 'x' } } },
      ],
    },
    { name: 'xds-grpc', host_statuses: [host('127.0.0.1', {})] },
  ],
});

it('reads the endpoints of a service with health and priority', () => {
  const endpoints = endpointsOf(parseEndpoints(clustersPage), {
    host: 'catalog-vm.default.side',
    port: 3550,
  });
  expect(endpoints.map(({ address, healthy, priority }) => [address, healthy, priority])).toEqual([
    ['10.10.100.10:3550', true, 0],
    ['10.10.2.100:3550', true, 1],
    ['[fd00::5]:3550', false, 0],
    ['10.10.100.11:3550', false, 0],
    ['10.10.100.12:3550', true, 0],
  ]);
});

const stats = [
  { name: 'rq_active', type: 'GAUGE', value: '2' },
  { name: 'cx_active', type: 'GAUGE', value: '5' },
  { name: 'rq_pending_active' },
];

it('knows hosts without endpoints, too', () => {
  const page = JSON.stringify({
    cluster_statuses: [
      { name: 'outbound|3550||empty.default.svc.cluster.local' },
      { name: 'inbound|3550||' },
      { name: 'PassthroughCluster' },
    ],
  });
  expect([...parseHosts(page)]).toEqual(['empty.default.svc.cluster.local']);
});

it('tells what still runs towards an endpoint', () => {
  const page = {
    cluster_statuses: [{ name: 'outbound|3550||a.b', host_statuses: [{ ...host('10.0.0.1', {}), stats }] }],
  };
  expect(parseEndpoints(JSON.stringify(page))).toMatchObject([{ activeRequests: 2, activeConnections: 5 }]);
});

it('tells what runs inbound, for one port', () => {
  const status = (name: string) => ({ name, host_statuses: [{ ...host('10.0.0.1', {}), stats }] });
  const page = JSON.stringify({
    cluster_statuses: [status('inbound|3550||'), status('inbound|9090||'), status('outbound|3550||a.b')],
  });
  expect(inboundActivity(page, [3550])).toEqual({ activeRequests: 2, activeConnections: 5 });
  expect(inboundActivity(page, [80])).toEqual({ activeRequests: 0, activeConnections: 0 });
});
