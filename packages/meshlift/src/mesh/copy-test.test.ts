import { expect, test } from 'vitest';
import type { CallAnswer } from '../effects/service-call/port.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { copyTest, copyTestProblem } from './copy-test.ts';

const vm = { host: '10.10.100.10', ssh: {}, serviceAccount: 'productcatalog' };
const grpcProbed = sampleMigration({
  vm: { ...vm, probe: { grpc: { port: 3550, service: 'shop.Catalog' } } },
});
const tcpProbed = sampleMigration({ vm: { ...vm, probe: { tcpSocket: { port: 3550 } } } });
const web = { name: 'web', port: 8080, protocol: 'http' };
const httpProbed = sampleMigration({
  service: web,
  vm: { ...vm, probe: { httpGet: { port: 8080, path: '/healthz' } } },
});
const httpTcpProbed = sampleMigration({
  service: web,
  vm: { ...vm, probe: { tcpSocket: { port: 8080 } } },
});

test('the copy is asked what the VM’s probe asks, under the name that customers use and with its side’s header', () => {
  expect(copyTest(grpcProbed)).toEqual({
    protocol: 'grpc',
    authority: 'productcatalogservice.default.svc.cluster.local:3550',
    headers: { 'x-meshlift-side': 'k8s' },
    service: 'shop.Catalog',
  });
  expect(copyTest(httpProbed)).toEqual({
    protocol: 'http',
    authority: 'web.default.svc.cluster.local:8080',
    headers: { 'x-meshlift-side': 'k8s' },
    path: '/healthz',
  });
  expect(copyTest(sampleMigration({ service: { name: 'redis', port: 6379, protocol: 'tcp' } }))).toEqual({
    protocol: 'tcp',
  });
});

test('a probe of another port says nothing about the service’s own', () => {
  const elsewhere = sampleMigration({
    service: web,
    vm: { ...vm, probe: { httpGet: { port: 9000, path: '/healthz' } } },
  });
  expect(copyTest(elsewhere)).toMatchObject({ path: '/' });
});

const grpc = (status: number, health: string | null = null): CallAnswer => ({
  came: 'grpc',
  status,
  message: 'm',
  health,
});
const http = (status: number): CallAnswer => ({ came: 'http', status, body: 'b' });

test.each([
  ['serving', grpcProbed, grpc(0, 'SERVING'), null],
  ['not serving', grpcProbed, grpc(0, 'NOT_SERVING'), 'NOT_SERVING'],
  ['no such health check, where the VM has one', grpcProbed, grpc(12), 'status 12'],
  ['no such health check, where nobody has', tcpProbed, grpc(12), null],
  ['unavailable', tcpProbed, grpc(14), 'status 14'],
  ['refused by a policy', grpcProbed, grpc(7), 'AuthorizationPolicy'],
  ['no gRPC at all', grpcProbed, http(200), 'without a gRPC status'],
  ['a good page', httpProbed, http(200), null],
  ['a redirect', httpProbed, http(302), null],
  ['no such page, where the VM has it', httpProbed, http(404), '404'],
  ['no such page, where nobody asks for one', httpTcpProbed, http(404), null],
  ['an error', httpTcpProbed, http(503), '503'],
  ['a page refused by a policy', httpTcpProbed, http(403), 'AuthorizationPolicy'],
  ['a connection', httpProbed, { came: 'connection' }, null],
  ['silence', httpProbed, { came: 'nothing', why: 'it was closed' }, 'it was closed'],
] as const)('%s', (_name, migration, answer, problem) => {
  const found = copyTestProblem(migration, answer);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});
