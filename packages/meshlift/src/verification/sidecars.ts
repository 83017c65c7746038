import type { PodName } from '../effects/istiod/proxy-config.ts';
import { readSyncStatus } from '../effects/istiod/sync-status.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';

/** The running pods of a member whose sidecars are connected to its istiod; gateways and VMs are not among them. */
export async function sidecarsOf(context: EngineContext, member: MemberCluster): Promise<readonly PodName[]> {
  const { migration, signal } = context;
  const [proxies, pods] = await Promise.all([
    readSyncStatus(member.kube, { istioNamespace: migration.spec.istio.namespace, signal }),
    member.kube.list({ apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Running' }, signal),
  ]);
  const running = new Set(
    pods.filter((pod) => isSidecarPod(pod)).map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`),
  );
  return proxies
    .filter((proxy) => running.has(`${proxy.namespace}/${proxy.name}`))
    .map((proxy) => ({ namespace: proxy.namespace, pod: proxy.name }));
}

/** A sidecar and a gateway run the same container, which is told which of the two to be: `proxy sidecar`, `proxy router`. */
function isSidecarPod(pod: KubeObject): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  const { containers = [], initContainers = [] } = pod.spec as {
    containers?: Container[];
    initContainers?: Container[];
  };
  return [...containers, ...initContainers].some(
    ({ name, args }) => name === 'istio-proxy' && args?.includes('sidecar'),
  );
}

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
}
