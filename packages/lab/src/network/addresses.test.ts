import { expect, test } from 'vitest';
import { BACKBONE, clusterAddresses, MAX_CLUSTERS, VM_ADDRESS } from './addresses.ts';

const all = Array.from({ length: MAX_CLUSTERS }, (_, i) => clusterAddresses(i + 1));
const backbone = BACKBONE.cidr.split('.').slice(0, 2).join('.');

test('no address range of one cluster overlaps with another range of any cluster or with the backbone', () => {
  const ranges = all.flatMap(({ podCidr, serviceCidr }) => [podCidr, serviceCidr]);
  const sixteens = [...ranges, BACKBONE.cidr].map((cidr) => {
    expect(cidr).toMatch(/\.0\.0\/16$/);
    return cidr.split('.').slice(0, 2).join('.');
  });
  expect(new Set(sixteens).size).toBe(sixteens.length);
});

test('every machine and every LoadBalancer address is on the backbone, and nobody has two names', () => {
  const addresses = [
    BACKBONE.router,
    VM_ADDRESS,
    ...all.flatMap(({ machine, loadBalancers }) => [machine, ...loadBalancers]),
  ];
  for (const address of addresses) expect(address.startsWith(`${backbone}.`)).toBe(true);
  expect(new Set(addresses).size).toBe(addresses.length);
});

test("the gateways' addresses are two different ones of the cluster's LoadBalancer addresses", () => {
  for (const { loadBalancers, eastWestGateway, ingressGateway } of all) {
    expect(loadBalancers).toContain(eastWestGateway);
    expect(loadBalancers).toContain(ingressGateway);
    expect(eastWestGateway).not.toBe(ingressGateway);
  }
});

test('DNS and the kubernetes Service have addresses of the service range', () => {
  for (const { serviceCidr, dns, kubernetesService } of all) {
    const range = serviceCidr.replace('.0.0/16', '.');
    expect(dns.startsWith(range)).toBe(true);
    expect(kubernetesService).toBe(`${range}0.1`);
  }
});

test.each([0, MAX_CLUSTERS + 1, 1.5, Number.NaN])('there is no cluster number %s', (number) => {
  expect(() => clusterAddresses(number)).toThrow(/a lab has clusters 1 to 4/);
});
