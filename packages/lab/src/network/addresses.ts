/** How many clusters one lab may have: the address plan gives each its own /16s. */
export const MAX_CLUSTERS = 4;

/** The sandbox's own end of the backbone, from which the host's forwards come. */
export const BACKBONE = {
  bridge: 'backbone',
  cidr: '10.10.0.0/16',
  prefix: 16,
  router: '10.10.0.1',
  mac: '0a:58:0a:0a:00:01',
} as const;

/** Every address of one cluster; a pure function of its number. */
export interface ClusterAddresses {
  /** The cluster's machine on the backbone: API server, kubelet and pods' masqueraded source. */
  readonly machine: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** ClusterIP of the Service `default/kubernetes`: the first of the range, as in every cluster. */
  readonly kubernetesService: string;
  readonly dns: string;
  /** LoadBalancer addresses, in the order in which they are given out. */
  readonly loadBalancers: readonly string[];
  /** The two gateways ask for these by name, so that they are known before the cluster runs. */
  readonly eastWestGateway: string;
  readonly ingressGateway: string;
}

export function clusterAddresses(number: number): ClusterAddresses {
  if (!Number.isInteger(number) || number < 1 || number > MAX_CLUSTERS) {
    throw new RangeError(`cluster number ${number}: a lab has clusters 1 to ${MAX_CLUSTERS}`);
  }
  const loadBalancer = (last: number) => `10.10.${number}.${last}`;
  return {
    machine: `10.10.${number}.10`,
    podCidr: `10.${20 + number}.0.0/16`,
    serviceCidr: `10.${120 + number}.0.0/16`,
    kubernetesService: `10.${120 + number}.0.1`,
    dns: `10.${120 + number}.0.10`,
    loadBalancers: Array.from({ length: 100 }, (_, i) => loadBalancer(100 + i)),
    eastWestGateway: loadBalancer(100),
    ingressGateway: loadBalancer(101),
  };
}

/** The VM's address on the backbone. */
export const VM_ADDRESS = '10.10.100.10';
