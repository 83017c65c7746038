import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { istioNetworking } from '../../mesh/mesh-host.ts';
import { ownHosts, serviceHost } from '../../mesh/names.ts';
import type { Finding } from '../check.ts';
import { meshConfigOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';
import { calledService } from './called-service.ts';
import { coversHost, namespaceOf } from './istio-hosts.ts';

interface SidecarFields {
  readonly egress?: readonly { readonly hosts?: readonly string[] }[];
}

/**
 * A Sidecar limits what its workloads' proxies know. One that lists the service but not the side hosts would leave its
 * workloads with a route to destinations that they don't have: every call fails, from the first split on.
 */
export async function sidecarsWithoutSides(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const sidecars = await member.kube.list({ apiVersion: istioNetworking, kind: 'Sidecar' }, signal);
  const { namespace } = migration.metadata;
  const rootNamespace = sidecars.length > 0 ? await rootNamespaceOf(scene, member) : null;
  return sidecars.flatMap((sidecar) => {
    const own = namespaceOf(sidecar);
    const knows = (host: string) =>
      egressHosts(sidecar).some((entry) => admits(entry, { host, namespace, own }));
    const missing = [...ownHosts(migration)].filter((host) => !knows(host));
    if (missing.length === 0 || !knows(serviceHost(migration))) return [];
    const prefix = own === namespace ? '.' : namespace;
    return {
      why: `Sidecar ${own}/${sidecar.metadata.name} in ${member.name}${own === rootNamespace ? ' (for every namespace)' : ''} lists ${serviceHost(migration)} in its egress, but not ${missing.join(', ')}: its workloads' calls would fail as soon as a split stands`,
      next: `add to its egress hosts: ${missing.map((host) => `"${prefix}/${host}"`).join(', ')}; kubectl --context ${member.member.context} -n ${own} edit sidecar ${sidecar.metadata.name}`,
    };
  });
}

/** Without egress a Sidecar limits nothing. */
function egressHosts(sidecar: KubeObject): readonly string[] {
  const { egress } = (sidecar.spec ?? {}) as SidecarFields;
  return egress ? egress.flatMap(({ hosts = [] }) => hosts) : ['*/*'];
}

/** `namespace/host`, where the namespace may be `*`, `.` for the Sidecar's own, or `~` for none. */
function admits(
  entry: string,
  { host, namespace, own }: { readonly host: string; readonly namespace: string; readonly own: string },
): boolean {
  const slash = entry.indexOf('/');
  const from = slash === -1 ? '*' : entry.slice(0, slash);
  const pattern = entry.slice(slash + 1);
  const inNamespace = from === '*' || from === namespace || (from === '.' && own === namespace);
  return inNamespace && coversHost(pattern, host);
}

async function rootNamespaceOf(scene: Scene, member: MemberCluster): Promise<string> {
  return (await meshConfigOf(scene, member)).rootNamespace ?? scene.migration.spec.istio.namespace;
}

const exportAnnotation = 'networking.istio.io/exportTo';

/** Our routes and hosts are exported as the mesh's defaults say: where those keep objects to their own namespace, callers elsewhere keep the old way. */
export async function exportsKeptBack(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const [mesh, service] = await Promise.all([meshConfigOf(scene, member), calledService(scene, member)]);
  const { namespace } = scene.migration.metadata;
  const everywhere = (to: readonly string[] | undefined) =>
    to === undefined || to.length === 0 || to.includes('*');
  const defaults = [
    ['defaultVirtualServiceExportTo', mesh.defaultVirtualServiceExportTo],
    ['defaultServiceExportTo', mesh.defaultServiceExportTo],
    ['defaultDestinationRuleExportTo', mesh.defaultDestinationRuleExportTo],
  ] as const;
  const kept = defaults.filter(([, to]) => !everywhere(to));
  const annotated = service?.metadata.annotations?.[exportAnnotation]?.split(',').map((it) => it.trim());
  return [
    ...kept.map(([key, to]) => ({
      why: `the mesh configuration of ${member.name} has ${key}: ${JSON.stringify(to)}, so callers outside namespace ${namespace} would not see the split`,
      next: `export to everyone for the time of the migration, or make sure that all callers are in ${namespace}: kubectl --context ${member.member.context} -n ${scene.migration.spec.istio.namespace} edit configmap istio`,
    })),
    ...(annotated && !everywhere(annotated)
      ? [
          {
            why: `Service ${namespace}/${scene.migration.spec.service.name} in ${member.name} is exported to ${annotated.join(', ')} alone, while the split's route is for everyone`,
            next: `see that no namespace is left out that calls it; ${exportAnnotation} on the Service`,
          },
        ]
      : []),
  ];
}
