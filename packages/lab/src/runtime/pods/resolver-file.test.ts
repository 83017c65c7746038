import { expect, it } from 'vitest';
import { resolverFile } from './resolver-file.ts';

it("a pod's resolv.conf has its search list, servers and options", () => {
  const dns = {
    servers: ['10.121.0.10'],
    searches: ['shop.svc.cluster.local', 'svc.cluster.local'],
    options: ['ndots:5'],
  };
  expect(resolverFile(dns)).toBe(
    'search shop.svc.cluster.local svc.cluster.local\nnameserver 10.121.0.10\noptions ndots:5\n',
  );
});

it('a pod without servers has an empty resolv.conf', () => {
  expect(resolverFile(null)).toBe('');
});
