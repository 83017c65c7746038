import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sides } from '../migration/traffic-split.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import {
  aloneHost,
  generationOfRoute,
  routeName,
  serviceHost,
  sideHost,
  sideName,
  sideOfHost,
} from './names.ts';

const migration = sampleMigration();

test('the service and its sides have hosts of their own, the sides outside the cluster’s domain', () => {
  expect(serviceHost(migration)).toBe('productcatalogservice.default.svc.cluster.local');
  expect(sides.map((side) => sideHost(migration, side))).toEqual([
    'productcatalogservice-vm.default.side',
    'productcatalogservice-gke.default.side',
  ]);
});

test('a side is known by its host, and any other host is no side', () => {
  for (const side of sides) expect(sideOfHost(migration, sideHost(migration, side))).toBe(side);
  for (const side of sides) expect(sideOfHost(migration, aloneHost(migration, side))).toBeNull();
  expect(sideOfHost(migration, serviceHost(migration))).toBeNull();
  expect(sideOfHost(migration, 'productcatalogservice-vm.other.side')).toBeNull();
});

test('a route’s name carries its generation', () => {
  fc.assert(
    fc.property(fc.nat(), (generation) => {
      expect(generationOfRoute(routeName(generation))).toBe(generation);
    }),
  );
});

test.each(['', 'default', 'meshlift-', 'meshlift-7-8', 'meshlift-x', 'not-meshlift-7'])(
  'a route named %j is nobody’s generation',
  (name) => {
    expect(generationOfRoute(name)).toBeNull();
  },
);

test('names stay within what Kubernetes and DNS allow, for every name that a migration may have', () => {
  const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
  fc.assert(
    fc.property(label, label, (name, suffix) => {
      fc.pre(suffix !== 'vm' && name.length + 1 + Math.max(suffix.length, 2) <= 63);
      const long = sampleMigration({
        service: { name, port: 1, protocol: 'grpc' },
        workload: { manifests: ['a.yaml'], suffix },
      });
      for (const side of sides) expect(sideName(long, side)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(sideName(long, 'vm')).not.toBe(sideName(long, 'k8s'));
    }),
  );
});
