import type { ClusterPlan } from '../plan/lab-plan.ts';
import { METRICS_ANNOTATIONS } from './request-metrics.ts';

export const EAST_WEST_GATEWAY = 'istio-eastwestgateway';
export const INGRESS_GATEWAY = 'istio-ingressgateway';

/** Node ports would be other ones in each cluster, of which `istioctl analyze` rightly warns; nobody needs them. */
const LOAD_BALANCER = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false };

/** As in Istio's charts, but asked every second: the gateways wait for istiod, and `lab up` for them. */
const EAGER = { periodSeconds: 1, timeoutSeconds: 5 };
const ISTIOD_READINESS = { httpGet: { path: '/ready', port: 8080 }, ...EAGER };
const GATEWAY_READINESS = {
  httpGet: { path: '/healthz/ready', port: 15021 },
  failureThreshold: 30,
  ...EAGER,
};

const SMALL = { requests: { cpu: '10m', memory: '64Mi' } };

/**
 * The kernel lets each user have 128 inotify instances, and every sidecar, which is user 1337, takes some. So that sixty
 * fit, what is not a sidecar is somebody else, and no sidecar watches for revoked certificates: nobody revokes any here.
 */
const NO_SIDECAR = { runAsUser: 1338, runAsGroup: 1338, fsGroup: 1338 };
const WITHOUT_REVOCATION = { PILOT_ENABLE_CA_CRL: 'false' };

/** What `istioctl manifest generate` turns into one cluster's Istio. */
export function istioOperator(cluster: ClusterPlan, istioVersion: string): object {
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    spec: {
      profile: 'default',
      hub: 'registry.istio.io/release',
      tag: istioVersion,
      meshConfig: {
        // Istio's own metrics come from filters that only Istio's Envoy has; request-metrics.ts brings them.
        defaultProviders: { metrics: [], tracing: [] },
        defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: 'true', ...WITHOUT_REVOCATION } },
      },
      components: {
        pilot: { k8s: { resources: SMALL, readinessProbe: ISTIOD_READINESS, securityContext: NO_SIDECAR } },
        ingressGateways: [ingressGateway(cluster), eastWestGateway(cluster)],
      },
      values: {
        global: {
          meshID: 'mesh1',
          multiCluster: { clusterName: cluster.name },
          network: cluster.network,
          proxy: { resources: SMALL },
        },
        pilot: {
          autoscaleEnabled: false,
          // Upstream Envoy lacks the filters that these two would make istiod send.
          env: {
            PILOT_ENABLE_METADATA_EXCHANGE: 'false',
            PILOT_ENABLE_ALPN_FILTER: 'false',
            ...WITHOUT_REVOCATION,
          },
        },
        sidecarInjectorWebhook: { injectedAnnotations: METRICS_ANNOTATIONS },
        gateways: { [INGRESS_GATEWAY]: { autoscaleEnabled: false } },
      },
    },
  };
}

function ingressGateway(cluster: ClusterPlan): object {
  return {
    name: INGRESS_GATEWAY,
    enabled: true,
    k8s: {
      resources: SMALL,
      ...asNoSidecar(INGRESS_GATEWAY),
      readinessProbe: GATEWAY_READINESS,
      service: { ...LOAD_BALANCER, loadBalancerIP: cluster.addresses.ingressGateway },
    },
  };
}

function eastWestGateway(cluster: ClusterPlan): object {
  return {
    name: EAST_WEST_GATEWAY,
    enabled: true,
    label: {
      istio: 'eastwestgateway',
      app: EAST_WEST_GATEWAY,
      'topology.istio.io/network': cluster.network,
    },
    k8s: {
      env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: cluster.network }],
      resources: SMALL,
      ...asNoSidecar(EAST_WEST_GATEWAY),
      readinessProbe: GATEWAY_READINESS,
      service: {
        ...LOAD_BALANCER,
        loadBalancerIP: cluster.addresses.eastWestGateway,
        ports: [
          { name: 'status-port', port: 15021, targetPort: 15021 },
          { name: 'tls', port: 15443, targetPort: 15443 },
          { name: 'tls-istiod', port: 15012, targetPort: 15012 },
          { name: 'tls-webhook', port: 15017, targetPort: 15017 },
        ],
      },
    },
  };
}

/** Of its container too: the injector would make it 1337 where the container says nothing itself. */
function asNoSidecar(name: string): object {
  const { runAsUser, runAsGroup } = NO_SIDECAR;
  const patches = Object.entries({ runAsUser, runAsGroup }).map(([field, value]) => ({
    path: `spec.template.spec.containers.[name:istio-proxy].securityContext.${field}`,
    value,
  }));
  return {
    securityContext: NO_SIDECAR,
    overlays: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, patches }],
  };
}
