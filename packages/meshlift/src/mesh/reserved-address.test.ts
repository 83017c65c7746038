import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { aloneHost, sideHost } from './names.ts';
import { reservedAddress } from './reserved-address.ts';

test('an address is of the range that nobody routes, and always the same for the same host', () => {
  fc.assert(
    fc.property(fc.string(), (host) => {
      expect(reservedAddress(host)).toMatch(/^240\.241\.\d{1,3}\.\d{1,3}$/);
      expect(reservedAddress(host)).toBe(reservedAddress(host));
    }),
  );
});

test('the hosts of a migration have different addresses', () => {
  const migration = sampleMigration();
  const hosts = (['vm', 'k8s'] as const).flatMap((side) => [
    sideHost(migration, side),
    aloneHost(migration, side),
  ]);
  expect(new Set(hosts.map(reservedAddress)).size).toBe(4);
});
