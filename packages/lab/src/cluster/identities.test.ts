import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { planLab } from '../plan/lab-plan.ts';
import { makeIdentities } from './identities.ts';

const [cluster] = planLab({ name: 'lab', clusters: 1, vm: false }).clusters;
if (!cluster) throw new Error('a plan for one cluster has one');
const identities = await makeIdentities(cluster);

test('only the user is in system:masters', () => {
  const masters = Object.entries(identities.client)
    .filter(([, { cert }]) => new X509Certificate(cert).subject.includes('system:masters'))
    .map(([name]) => name);
  expect(masters).toEqual(['user']);
});

test('no two clients have the same name or the same key', () => {
  const certs = Object.values(identities.client).map(({ cert }) => new X509Certificate(cert));
  expect(new Set(certs.map(({ subject }) => subject)).size).toBe(certs.length);
  expect(new Set(certs.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }))).size).toBe(
    certs.length,
  );
});

test("the API server answers to its Service's name and address, its machine's and the host's forward", () => {
  const cert = new X509Certificate(identities.serving.apiServer.cert);
  expect(cert.checkHost('kubernetes.default.svc.cluster.local')).toBeTruthy();
  for (const ip of [cluster.addresses.kubernetesService, cluster.addresses.machine, '127.0.0.1']) {
    expect(cert.checkIP(ip)).toBe(ip);
  }
});
