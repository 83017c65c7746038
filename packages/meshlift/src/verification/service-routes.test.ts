import { expect, test } from 'vitest';
import type { ProxyRoute } from '../effects/istiod/proxy-config.ts';
import { sideHost } from '../mesh/names.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { areOfWrite } from './service-routes.ts';

const migration = sampleMigration({
  service: { name: 'cart', port: 7070, protocol: 'grpc', morePorts: [{ port: 8080, protocol: 'http' }] },
});

function route(generation: number, port: number): ProxyRoute {
  return {
    name: `meshlift-${generation}`,
    config: String(port),
    domains: [],
    headers: [],
    retryOn: null,
    destinations: [{ host: sideHost(migration, 'vm'), port, subset: '', envoyCluster: '', weight: 100 }],
  };
}

const served = (...routes: readonly ProxyRoute[]) => areOfWrite(migration, routes, 7, splitWithK8s(20));

test('a proxy serves a write when each port that it calls has its routes', () => {
  expect(served(route(7, 7070), route(7, 8080))).toBe(true);
  expect(served(route(7, 7070))).toBe(true);
});

test('a proxy that has the write for one port and an older one for another does not serve it yet', () => {
  expect(served(route(7, 7070), route(6, 8080))).toBe(false);
  expect(served(route(6, 7070), route(6, 8080))).toBe(false);
});
