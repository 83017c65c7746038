import type { KubeObject } from '../kube/api-client.ts';
import { ISTIO_NAMESPACE } from './plug-in-ca.ts';

const NETWORKING = 'networking.istio.io/v1';
const ISTIOD = `istiod.${ISTIO_NAMESPACE}.svc.cluster.local`;
const EAST_WEST = { istio: 'eastwestgateway' };

/** What the east-west gateway lets through: every service of the mesh on 15443, istiod for VMs on 15012. */
export function exposure(): KubeObject[] {
  return [
    {
      apiVersion: NETWORKING,
      kind: 'Gateway',
      metadata: { name: 'cross-network-gateway', namespace: ISTIO_NAMESPACE },
      spec: {
        selector: EAST_WEST,
        servers: [
          {
            port: { number: 15443, name: 'tls', protocol: 'TLS' },
            tls: { mode: 'AUTO_PASSTHROUGH' },
            hosts: ['*.local'],
          },
        ],
      },
    },
    {
      apiVersion: NETWORKING,
      kind: 'Gateway',
      metadata: { name: 'istiod-gateway', namespace: ISTIO_NAMESPACE },
      spec: {
        selector: EAST_WEST,
        servers: [
          {
            port: { number: 15012, name: 'tls-istiod', protocol: 'TLS' },
            tls: { mode: 'PASSTHROUGH' },
            hosts: ['*'],
          },
        ],
      },
    },
    {
      apiVersion: NETWORKING,
      kind: 'VirtualService',
      metadata: { name: 'istiod-vs', namespace: ISTIO_NAMESPACE },
      spec: {
        hosts: ['*'],
        gateways: ['istiod-gateway'],
        tls: [
          {
            match: [{ port: 15012, sniHosts: ['*'] }],
            route: [{ destination: { host: ISTIOD, port: { number: 15012 } } }],
          },
        ],
      },
    },
  ];
}

/** No sidecar of the mesh takes a plaintext call. */
export function strictMutualTls(): KubeObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: ISTIO_NAMESPACE },
    spec: { mtls: { mode: 'STRICT' } },
  };
}
