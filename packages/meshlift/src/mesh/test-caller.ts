import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { ownLabels } from './marks.ts';
import { aloneHost, serviceHost } from './names.ts';
import { reservedAddress } from './reserved-address.ts';

/** Marks the pods that call for a test, whose calls are nobody's traffic. */
export const testCallerLabel = 'meshlift.dev/test-caller';

/** Where the test caller takes connections, on its loopback only: whoever may port-forward to it may call. */
export const testCallerPort = 15_099;

/** What is known of a member from a pod that calls there already. */
export interface CallerImage {
  /** the sidecar's image, which every node of the member can pull */
  readonly image: string;
  /** Istio's revision that injected it; null for the default one */
  readonly revision: string | null;
}

const proxyContainer = 'istio-proxy';

/** The sidecar's image of a pod; null when it has none. */
export function callerImage(pod: KubeObject): CallerImage | null {
  const { containers = [], initContainers = [] } = (pod.spec ?? {}) as {
    containers?: readonly { readonly name: string; readonly image?: string }[];
    initContainers?: readonly { readonly name: string; readonly image?: string }[];
  };
  const proxy = [...containers, ...initContainers].find(({ name }) => name === proxyContainer);
  if (!proxy?.image) return null;
  const revision = pod.metadata.annotations?.['istio.io/rev'] ?? 'default';
  return { image: proxy.image, revision: revision === 'default' ? null : revision };
}

/**
 * A pod that calls the service as any caller of its namespace does: by the service's name, through a sidecar of its
 * own. Its program is a second Envoy that passes connections on, from the sidecar's own image: a program that every
 * member can pull, needs no shell, and adds nothing to trust. It ends by itself, whatever becomes of its maker.
 */
export function testCaller(migration: Migration, { image, revision }: CallerImage): KubeObject {
  const { test } = migration.spec.workload;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...testCallerRef(migration),
      labels: {
        ...ownLabels(migration),
        [testCallerLabel]: 'true',
        'sidecar.istio.io/inject': 'true',
        ...(revision !== null && { 'istio.io/rev': revision }),
      },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: 600,
      terminationGracePeriodSeconds: 0,
      serviceAccountName: test === 'off' ? 'default' : test.serviceAccount,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'caller',
          image,
          command: ['/usr/local/bin/envoy'],
          args: [
            '--config-yaml',
            JSON.stringify(passOn(migration)),
            '--disable-hot-restart',
            '--concurrency',
            '1',
            '--log-level',
            'warning',
          ],
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            runAsNonRoot: true,
            // Not the sidecar's user: what that one sends is not captured, and would not go through the mesh.
            runAsUser: 65_532,
            runAsGroup: 65_532,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
      ],
    },
  };
}

export function testCallerRef(migration: Migration): { readonly name: string; readonly namespace: string } {
  return {
    name: `meshlift-${migration.spec.service.name}-caller`,
    namespace: migration.metadata.namespace,
  };
}

/** Connections to the loopback port go on to the service; TCP, which no header can steer, to the copy's own host. */
function passOn(migration: Migration): object {
  const { port, protocol } = migration.spec.service;
  const tcp = protocol === 'tcp';
  const address = tcp ? reservedAddress(aloneHost(migration, 'k8s')) : serviceHost(migration);
  return {
    static_resources: {
      listeners: [
        {
          name: 'calls',
          address: { socket_address: { address: '127.0.0.1', port_value: testCallerPort } },
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.tcp_proxy',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                    stat_prefix: 'calls',
                    cluster: 'service',
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'service',
          type: tcp ? 'STATIC' : 'STRICT_DNS',
          connect_timeout: '5s',
          ...(!tcp && { dns_lookup_family: 'V4_PREFERRED' }),
          load_assignment: {
            cluster_name: 'service',
            endpoints: [
              {
                lb_endpoints: [{ endpoint: { address: { socket_address: { address, port_value: port } } } }],
              },
            ],
          },
        },
      ],
    },
  };
}
