import { describe, expect, it } from 'vitest';
import type { PodRecord } from './pod.ts';
import { sandboxPlan } from './sandbox-plan.ts';

const machine = { bridge: 'pods0', gateway: '10.21.0.1', mtu: 1500, hostname: 'cluster1-node' };

function pod(network: 'POD' | 'NODE', address: string | null): PodRecord {
  return {
    id: '0123456789abcdef0123456789abcdef',
    config: {
      hostname: network === 'NODE' ? '' : 'web-1',
      linux: {
        sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
        securityContext: { namespaceOptions: { network } },
      },
    },
    address,
  } as unknown as PodRecord;
}

describe("a pod's sandbox", () => {
  it('has a network of its own, with the address that it was given', () => {
    const plan = sandboxPlan(pod('POD', '10.21.0.7'), '/state/pods/1', machine);
    expect(plan).toMatchObject({
      namespaces: { net: '/state/pods/1/ns/net', uts: '/state/pods/1/ns/uts', ipc: '/state/pods/1/ns/ipc' },
      hostname: 'web-1',
      network: { bridge: 'pods0', address: '10.21.0.7', gateway: '10.21.0.1' },
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
    });
  });

  it('has an interface name that the kernel takes', () => {
    const name = sandboxPlan(pod('POD', '10.21.0.7'), '/p', machine).network?.interface ?? '';
    expect(name.length).toBeLessThanOrEqual(15);
    expect(name).toBe('pod0123456789ab');
  });

  it("has none on the machine's network, and the machine's name", () => {
    const plan = sandboxPlan(pod('NODE', null), '/state/pods/1', machine);
    expect(plan.namespaces.net).toBe('');
    expect(plan.network).toBeNull();
    expect(plan.hostname).toBe('cluster1-node');
  });
});
