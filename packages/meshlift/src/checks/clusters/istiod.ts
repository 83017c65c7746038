import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { isReady } from '../../mesh/pod-state.ts';
import type { Finding } from '../check.ts';
import type { Scene } from '../scene.ts';

export async function istiodReadiness(scene: Scene, member: MemberCluster): Promise<Finding | null> {
  const pods = await istiodPods(scene, member);
  if (pods.some(isReady)) return null;
  const { namespace } = scene.migration.spec.istio;
  return {
    why: `${member.name} has no ready istiod in namespace ${namespace}`,
    next: `kubectl --context ${member.member.context} -n ${namespace} get pods; set spec.istio.namespace if Istio is elsewhere`,
  };
}

export function istiodPods(
  { migration, signal }: Scene,
  { kube }: MemberCluster,
): Promise<readonly KubeObject[]> {
  const { namespace } = migration.spec.istio;
  return kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'app=istiod' }, signal);
}
