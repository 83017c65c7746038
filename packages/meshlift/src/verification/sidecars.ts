import type { PodName } from '../effects/istiod/proxy-config.ts';
import { readSyncStatus } from '../effects/istiod/sync-status.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';

/** The running pods of a member whose sidecars are connected to its istiod; gateways and VMs are not among them. */
export async function sidecarsOf(context: EngineContext, member: MemberCluster): Promise<readonly PodName[]> {
  const { migration, signal } = context;
  const [proxies, pods] = await Promise.all([
    readSyncStatus(member.kube, { istioNamespace: migration.spec.istio.namespace, signal }),
    member.kube.list({ apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Running' }, signal),
  ]);
  const running = new Set(
    pods
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  return proxies
    .filter(({ type, namespace, name }) => type === 'sidecar' && running.has(`${namespace}/${name}`))
    .map(({ namespace, name }) => ({ namespace, pod: name }));
}
