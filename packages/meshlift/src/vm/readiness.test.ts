import { expect, it } from 'vitest';
import type { VmFacts } from './facts.ts';
import { vmProblems } from './readiness.ts';

const good: VmFacts = {
  distribution: 'debian',
  distributionVersion: '12',
  packages: 'deb',
  architecture: 'x86_64',
  hasSystemd: true,
  clockSkewMs: 300,
  freeBytes: 5e9,
  addresses: ['10.0.0.9'],
  listeners: [{ port: 3550, loopback: false }],
  dockerPorts: [],
  canRedirect: true,
  nameServers: ['10.0.0.2'],
  sidecar: {
    packageVersion: null,
    unit: 'inactive',
    enabled: false,
    certificateExpiresAt: null,
    certificateIdentity: null,
  },
  joinedByMeshlift: false,
};
const wanted = { address: '10.0.0.9', servicePort: 3550, now: 1_000_000, istioRelease: true };
const problemsOf = (changed: Partial<VmFacts>) =>
  vmProblems({ ...good, ...changed }, wanted).map(({ id }) => id);

it('finds nothing wrong with a VM that is ready', () => {
  expect(problemsOf({})).toEqual([]);
});

it.each<[string, Partial<VmFacts>, string]>([
  ['there is no systemd', { hasSystemd: false }, 'vm-systemd'],
  ['there is no package manager we know', { packages: null }, 'vm-package'],
  ['Istio releases no sidecar for its processor', { architecture: 'riscv64' }, 'vm-package'],
  ['the kernel redirects nothing', { canRedirect: false }, 'vm-redirects'],
  ['it has no name server', { nameServers: [] }, 'vm-resolver'],
  [
    'somebody else’s sidecar runs on it',
    { sidecar: { ...good.sidecar, packageVersion: '1.20.0', unit: 'active', enabled: true } },
    'vm-other-mesh',
  ],
  ['its clock is wrong', { clockSkewMs: -61_000 }, 'vm-clock'],
  ['its disk is full', { freeBytes: 1e8 }, 'vm-disk'],
  ['no interface has the address that callers use', { addresses: ['172.16.0.2'] }, 'vm-address'],
  ['nothing listens', { listeners: [] }, 'vm-service-listening'],
  [
    'the service listens on the loopback only',
    { listeners: [{ port: 3550, loopback: true }] },
    'vm-service-loopback',
  ],
  ['Docker publishes the port', { dockerPorts: [3550], listeners: [] }, 'vm-docker-published'],
])('says so when %s', (_what, changed, id) => {
  expect(problemsOf(changed)).toEqual([id]);
});

it('says so when the certificate has expired while the VM was off', () => {
  const sidecar = { ...good.sidecar, certificateExpiresAt: wanted.now - 1 };
  expect(problemsOf({ sidecar })).toEqual(['vm-certificate']);
});

it('does not ask for room for a sidecar that is installed', () => {
  expect(problemsOf({ freeBytes: 0, sidecar: { ...good.sidecar, packageVersion: '1.31.0' } })).toEqual([]);
});

it('tells all problems at once', () => {
  expect(problemsOf({ hasSystemd: false, clockSkewMs: 1e6, listeners: [] })).toHaveLength(3);
});
