import { type ClusterAddresses, clusterAddresses, VM_ADDRESS } from '../network/addresses.ts';
import type { Machine } from '../network/topology.ts';

/** A TCP port of 127.0.0.1 on the host that leads to an address inside the lab. */
export interface ForwardPlan {
  /** e.g. `cluster1/api` */
  readonly name: string;
  /** `address:port` inside the lab. */
  readonly target: string;
}

export interface ClusterPlan {
  readonly number: number;
  readonly name: string;
  readonly nodeName: string;
  /** Istio's name for the cluster's network: pods of different networks meet through gateways. */
  readonly network: string;
  readonly addresses: ClusterAddresses;
}

export interface VmPlan {
  readonly name: string;
  readonly address: string;
}

/** What a lab consists of, before anything runs: a pure function of the user's choices. */
export interface LabPlan {
  readonly name: string;
  readonly clusters: readonly ClusterPlan[];
  readonly vm: VmPlan | null;
  readonly forwards: readonly ForwardPlan[];
}

export const API_SERVER_PORT = 6443;

export function planLab(choices: { name: string; clusters: number; vm: boolean }): LabPlan {
  const clusters = Array.from({ length: choices.clusters }, (_, i) => planCluster(i + 1));
  const vm = choices.vm ? { name: 'vm', address: VM_ADDRESS } : null;
  return {
    name: choices.name,
    clusters,
    vm,
    forwards: [
      ...clusters.flatMap(({ name, addresses }) => [
        { name: `${name}/api`, target: `${addresses.machine}:${API_SERVER_PORT}` },
        { name: `${name}/ingress`, target: `${addresses.ingressGateway}:80` },
      ]),
      ...(vm ? [{ name: 'vm/ssh', target: `${vm.address}:22` }] : []),
    ],
  };
}

/** The machines on the lab's backbone. */
export function machinesOf(plan: LabPlan): Machine[] {
  return [
    ...plan.clusters.map(({ name, addresses }) => ({
      name,
      address: addresses.machine,
      pods: {
        cidr: addresses.podCidr,
        serviceCidr: addresses.serviceCidr,
      },
    })),
    ...(plan.vm ? [{ name: plan.vm.name, address: plan.vm.address }] : []),
  ];
}

function planCluster(number: number): ClusterPlan {
  const name = `cluster${number}`;
  return {
    number,
    name,
    nodeName: `${name}-node`,
    network: `network${number}`,
    addresses: clusterAddresses(number),
  };
}
