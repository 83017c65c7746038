import type { KubeObject } from '../effects/kube/port.ts';
import { testCallerLabel } from '../mesh/test-caller.ts';
import type { Caller } from './call-series.ts';

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  /** false until the startup probe has succeeded once */
  readonly started?: boolean;
}

interface PodFields {
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

/** The name that Istio's injection gives the proxy, as a container or as a native sidecar. */
const proxyContainer = 'istio-proxy';

/**
 * The running pods with an Istio proxy, gateways included: whoever may call into the mesh. A proxy that has not started
 * yet has let nothing through, and would only be one more that cannot be read.
 */
export function callersAmong(cluster: string, pods: readonly KubeObject[]): readonly Caller[] {
  return pods.filter(isCustomer).flatMap((pod) => {
    const { status } = pod as PodFields;
    const proxy = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
      ({ name }) => name === proxyContainer,
    );
    if (status?.phase !== 'Running' || proxy === undefined || proxy.started === false) return [];
    return {
      cluster,
      namespace: pod.metadata.namespace ?? 'default',
      pod: pod.metadata.name,
      workload: workloadOf(pod),
      incarnation: `${pod.metadata.uid}/${proxy.containerID ?? ''}`,
    };
  });
}

/** What Meshlift itself calls for a test is not traffic. */
function isCustomer({ metadata }: KubeObject): boolean {
  return metadata.labels?.[testCallerLabel] === undefined;
}

/** The Deployment's name where a ReplicaSet owns the pod (its name has the template's hash at the end). */
function workloadOf(pod: KubeObject): string {
  const owner = pod.metadata.ownerReferences?.[0];
  if (owner === undefined) return pod.metadata.name;
  const hash = pod.metadata.labels?.['pod-template-hash'];
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? owner.name.slice(0, -hash.length - 1)
    : owner.name;
}
