import type { KubeObject } from '../effects/kube/port.ts';
import { istioNetworking } from './mesh-host.ts';

/** Where a member stands in a mesh of several networks. */
export interface MeshPlace {
  readonly meshId: string;
  /** as the mesh names the cluster, in certificates' metadata and remote secrets */
  readonly cluster: string;
  readonly network: string;
}

export interface GatewayPlace {
  readonly namespace: string;
  readonly service: string;
}

/** istiod for a new member, as `istioctl install` takes it: Istio's default profile and the member's place in the mesh. */
export function istiodOperator(place: MeshPlace, namespace: string): KubeObject {
  return operator('istiod', namespace, {
    profile: 'default',
    components: { ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }] },
    values: { global: globals(place) },
  });
}

/** The gateway through which other clusters and the VM come in, as Istio's own multicluster guide has it. */
export function gatewayOperator(place: MeshPlace, gateway: GatewayPlace): KubeObject {
  const { network } = place;
  return operator('eastwest', gateway.namespace, {
    profile: 'empty',
    components: {
      ingressGateways: [
        {
          name: gateway.service,
          namespace: gateway.namespace,
          enabled: true,
          label: { ...gatewayLabels, app: gateway.service, 'topology.istio.io/network': network },
          k8s: {
            env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: network }],
            service: {
              ports: [
                { name: 'status-port', port: 15_021, targetPort: 15_021 },
                { name: 'tls', port: 15_443, targetPort: 15_443 },
                { name: 'tls-istiod', port: 15_012, targetPort: 15_012 },
                { name: 'tls-webhook', port: 15_017, targetPort: 15_017 },
              ],
            },
          },
        },
      ],
    },
    values: {
      gateways: { 'istio-ingressgateway': { injectionTemplate: 'gateway' } },
      global: globals(place),
    },
  });
}

/** What the gateway lets through: every service of the mesh on 15443, by mutual TLS, and istiod on 15012 for the VM. */
export function gatewayExposure({ namespace }: GatewayPlace, istioNamespace: string): readonly KubeObject[] {
  const server = (port: number, name: string, mode: string, host: string) => ({
    port: { number: port, name, protocol: 'TLS' },
    tls: { mode },
    hosts: [host],
  });
  const gateway = (name: string, servers: readonly object[]) => ({
    apiVersion: istioNetworking,
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: { selector: gatewayLabels, servers },
  });
  const istiod = `istiod.${istioNamespace}.svc.cluster.local`;
  return [
    gateway('cross-network-gateway', [server(15_443, 'tls', 'AUTO_PASSTHROUGH', '*.local')]),
    gateway('istiod-gateway', [server(15_012, 'tls-istiod', 'PASSTHROUGH', '*')]),
    {
      apiVersion: istioNetworking,
      kind: 'VirtualService',
      metadata: { name: 'istiod-vs', namespace },
      spec: {
        hosts: ['*'],
        gateways: ['istiod-gateway'],
        tls: [
          {
            match: [{ port: 15_012, sniHosts: ['*'] }],
            route: [{ destination: { host: istiod, port: { number: 15_012 } } }],
          },
        ],
      },
    },
  ];
}

const gatewayLabels = { istio: 'eastwestgateway' };

function globals({ cluster, meshId, network }: MeshPlace): object {
  return { meshID: meshId, multiCluster: { clusterName: cluster }, network };
}

function operator(name: string, namespace: string, spec: object): KubeObject {
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name, namespace },
    spec,
  };
}
