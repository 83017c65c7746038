import { readSyncStatus } from '../../effects/istiod/sync-status.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { readMember } from '../../engine/traffic-watch.ts';
import type { Finding } from '../check.ts';
import type { Scene } from '../scene.ts';

export async function unreadableMetrics(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const read = await readMember(scene, member);
  if (!read.read) {
    return [
      {
        why: `no metrics from ${member.name}: ${read.why}`,
        next: 'may the credentials get pods/proxy?',
        unknown: true,
      },
    ];
  }
  return read.sample.unread.map(({ caller: { namespace, pod }, why }) => ({
    why: `no metrics from ${namespace}/${pod} in ${member.name}: ${why}`,
    next: `kubectl --context ${member.member.context} get --raw /api/v1/namespaces/${namespace}/pods/${pod}:15020/proxy/stats/prometheus`,
  }));
}

/** A proxy that turned down what it was sent goes on with what it had: no split would reach it. */
export async function rejectedConfiguration(
  scene: Scene,
  member: MemberCluster,
): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const proxies = await readSyncStatus(member.kube, {
    istioNamespace: migration.spec.istio.namespace,
    signal,
  });
  return proxies.flatMap(({ id, name, namespace, rejected }) =>
    rejected === null
      ? []
      : {
          why: `the proxy of ${id} in ${member.name} turned down what istiod sent it: ${rejected}`,
          next: `see what it has and lacks: istioctl --context ${member.member.context} proxy-status ${name}.${namespace}`,
        },
  );
}
