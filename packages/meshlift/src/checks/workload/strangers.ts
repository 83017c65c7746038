import { fieldManager } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { sideLabel } from '../../mesh/marks.ts';
import { isRunning } from '../../mesh/pod-state.ts';
import type { Finding } from '../check.ts';
import { calledService, specOf } from '../mesh/called-service.ts';
import { namespaceOf, selects } from '../mesh/istio-hosts.ts';
import type { Scene } from '../scene.ts';

/** Pods behind the service's name that are not the copy's: they share its traffic as soon as the route is gone. */
export async function otherPodsOfService(scene: Scene, cluster: MemberCluster): Promise<Finding | null> {
  const { migration, signal } = scene;
  const { kube, name, member } = cluster;
  const [service, pods] = await Promise.all([
    calledService(scene, cluster),
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, signal),
  ]);
  const selector = (service && specOf(service).selector) ?? {};
  if (Object.keys(selector).length === 0) return null;
  const others = pods
    .filter((it) => namespaceOf(it) === migration.metadata.namespace && isRunning(it))
    .filter(
      ({ metadata }) => selects(selector, metadata.labels ?? {}) && metadata.labels?.[sideLabel] !== 'k8s',
    );
  if (others.length === 0) return null;
  return {
    why: `${others.map((it) => it.metadata.name).join(', ')} in ${name} ${others.length === 1 ? 'has' : 'have'} the labels that Service ${migration.spec.service.name} selects, and ${others.length === 1 ? 'is' : 'are'} no pod of this migration's copy: the name's traffic goes there, too, before the VM joins and after completion`,
    next: `see whose they are: kubectl --context ${member.context} -n ${migration.metadata.namespace} get pods -l ${Object.entries(
      selector,
    )
      .map(([key, value]) => `${key}=${value}`)
      .join(',')}`,
  };
}

/** Deploying applies the manifests by force: what somebody else keeps under the same name would be theirs no longer. */
export async function takenOver({
  manifests,
  migration,
  signal,
  target,
}: Scene): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    manifests.map(async ({ apiVersion, kind, metadata }) => {
      const namespace = metadata.namespace ?? migration.metadata.namespace;
      const there = await target.kube.get({ apiVersion, kind, namespace, name: metadata.name }, signal);
      const managers = (there?.metadata.managedFields ?? []).flatMap(({ manager }) => manager ?? []);
      if (!there || managers.length === 0 || managers.includes(fieldManager)) return [];
      return {
        why: `${kind} ${namespace}/${metadata.name} is in ${target.name} already, kept by ${[...new Set(managers)].join(', ')}; deploying takes over what the manifests name of it`,
        next: `see the difference first: meshlift plan; or give the copy another name`,
      };
    }),
  );
  return findings.flat();
}
