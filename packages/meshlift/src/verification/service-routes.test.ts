import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTcpRoutes } from '../effects/istiod/proxy-config.ts';
import { aloneHost, serviceHost, sideHost } from '../mesh/names.ts';
import { reservedAddress } from '../mesh/reserved-address.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { areOfWrite, tcpRoutesTo } from './service-routes.ts';

const migration = sampleMigration({ service: { name: 'redis', port: 6379, protocol: 'tcp' } });
const cluster = (host: string, port = 6379) => `outbound|${port}||${host}`;

/** A listener as Envoy dumps it. */
function listener(address: string, ...proxies: object[]): object {
  return {
    name: `${address}_6379`,
    active_state: {
      listener: {
        address: { socket_address: { address, port_value: 6379 } },
        filter_chains: proxies.map((choice) => ({
          filters: [
            { name: 'istio.stats', typed_config: { '@type': 'type.googleapis.com/stats.PluginConfig' } },
            {
              name: 'envoy.filters.network.tcp_proxy',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                stat_prefix: 'x',
                ...choice,
              },
            },
          ],
        })),
      },
    },
  };
}

function weighted(vm: number, k8s: number): object {
  const clusters = [
    { name: cluster(sideHost(migration, 'vm')), weight: vm },
    { name: cluster(sideHost(migration, 'k8s')), weight: k8s },
  ].filter(({ weight }) => weight > 0);
  return { weighted_clusters: { clusters } };
}

function routesIn(...listeners: object[]) {
  return tcpRoutesTo(migration, parseTcpRoutes(JSON.stringify({ configs: listeners })));
}

const around = [
  listener(reservedAddress(sideHost(migration, 'vm')), { cluster: cluster(sideHost(migration, 'vm')) }),
  listener(reservedAddress(aloneHost(migration, 'k8s')), { cluster: cluster(aloneHost(migration, 'k8s')) }),
  listener('10.121.0.7', { cluster: cluster('postgres.default.svc.cluster.local', 5432) }),
  listener('0.0.0.0', { cluster: 'PassthroughCluster' }, { cluster: 'inbound|6379||' }),
  { name: 'without a listener' },
];

test('of all listeners, the service’s own is its route; those of the side hosts, of others and of passing through are none', () => {
  const found = routesIn(...around, listener('10.121.0.9', weighted(80, 20)));
  expect(found.map(({ config }) => config)).toEqual(['10.121.0.9']);
  expect(routesIn(...around)).toEqual([]);
});

test('a listener is of a write when its weights are those of the split, whatever they sum to', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (has, wanted) => {
      const routes = routesIn(listener('10.121.0.9', weighted(100 - has, has)));
      expect(areOfWrite(migration, routes, 7, splitWithK8s(wanted))).toBe(has === wanted);
    }),
  );
});

test('a listener that leads past the side hosts is of no write', () => {
  const own = routesIn(listener('10.121.0.9', { cluster: cluster(serviceHost(migration)) }));
  expect(own).toHaveLength(1);
  for (const k8s of [0, 100]) expect(areOfWrite(migration, own, 7, splitWithK8s(k8s))).toBe(false);
});

test('HTTP routes are of a write by its number alone', () => {
  const http = sampleMigration();
  const destinations = [
    { host: sideHost(http, 'vm'), port: 3550, weight: 100, envoyCluster: 'x', subset: '' },
  ];
  const route = { name: 'meshlift-7', config: '3550', domains: [], headers: [], destinations, retryOn: null };
  expect(areOfWrite(http, [route], 7, splitWithK8s(20))).toBe(true);
  expect(areOfWrite(http, [route], 8, splitWithK8s(20))).toBe(false);
  expect(areOfWrite(http, [], 7, splitWithK8s(20))).toBe(false);
});
