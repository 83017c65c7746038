import { parse } from 'yaml';
import type { KubeObject } from '../effects/kube/port.ts';
import type { MemberCluster } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import { istiodPods } from './clusters/istiod.ts';
import type { Scene } from './scene.ts';

/** What checks need of a member's mesh configuration. */
export interface MeshConfig {
  readonly trustDomain?: string;
  readonly rootNamespace?: string;
  readonly defaultServiceExportTo?: readonly string[];
  readonly defaultVirtualServiceExportTo?: readonly string[];
  readonly defaultDestinationRuleExportTo?: readonly string[];
}

export async function meshConfigOf(scene: Scene, member: MemberCluster): Promise<MeshConfig> {
  return (parse(dataOf(member, await mapOf(scene, member, 'istio'), 'mesh')) ?? {}) as MeshConfig;
}

/** Istio's own default, where the mesh's configuration names none. */
const defaultTrustDomain = 'cluster.local';

export async function trustDomainOf(scene: Scene, member: MemberCluster): Promise<string> {
  return (await meshConfigOf(scene, member)).trustDomain || defaultTrustDomain;
}

/** What the member's injector gives to every sidecar, and how Istio calls the cluster. */
export interface InjectorValues {
  readonly global?: {
    readonly multiCluster?: { readonly clusterName?: string };
    readonly proxy?: { readonly resources?: Readonly<Record<'requests' | 'limits', Record<string, string>>> };
  };
}

export async function injectorValuesOf(scene: Scene, member: MemberCluster): Promise<InjectorValues> {
  const map = await mapOf(scene, member, 'istio-sidecar-injector');
  return JSON.parse(dataOf(member, map, 'values')) as InjectorValues;
}

/** A control plane with a revision has it at the end of its ConfigMaps' names. */
async function mapOf(scene: Scene, member: MemberCluster, map: string): Promise<KubeObject> {
  const { namespace } = scene.migration.spec.istio;
  const revision = await revisionIn(scene, member);
  const name = revision === 'default' ? map : `${map}-${revision}`;
  const object = await member.kube.get(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace, name },
    scene.signal,
  );
  if (object) return object;
  throw new MeshliftError('cluster-refused', {
    where: `ConfigMap ${namespace}/${name} in ${member.name}`,
    why: 'it is not there',
    next: `kubectl --context ${member.member.context} -n ${namespace} get configmaps; set spec.istio.namespace if Istio is elsewhere`,
  });
}

const revisionLabel = 'istio.io/rev';

/** The revision that serves the migration's namespace, where one does by that name; else the one that runs. */
async function revisionIn(scene: Scene, member: MemberCluster): Promise<string> {
  const { namespace } = scene.migration.metadata;
  const [object, pods] = await Promise.all([
    member.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, scene.signal),
    istiodPods(scene, member),
  ]);
  const running = pods.map(({ metadata }) => metadata.labels?.[revisionLabel] ?? 'default');
  const wanted = object?.metadata.labels?.[revisionLabel];
  return running.find((it) => it === wanted) ?? running[0] ?? 'default';
}

function dataOf({ name: cluster, member }: MemberCluster, map: KubeObject, key: string): string {
  const text = (map.data as Record<string, string> | undefined)?.[key];
  if (text !== undefined) return text;
  const { namespace, name } = map.metadata;
  throw new MeshliftError('cluster-refused', {
    where: `ConfigMap ${namespace}/${name} in ${cluster}`,
    why: `it has no key ${key}, as Istio's has`,
    next: `look at it: kubectl --context ${member.context} -n ${namespace} get configmap ${name} -o yaml`,
  });
}
