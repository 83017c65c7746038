import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { isWorkload, podTemplate } from '../../mesh/copy.ts';
import { workloadGroup } from '../../mesh/vm-workload.ts';
import type { Side } from '../../migration/traffic-split.ts';
import type { Finding } from '../check.ts';
import { meshConfigOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';
import { istioSecurity } from './authorization.ts';
import { namespaceOf, selects } from './istio-hosts.ts';

export type MutualTls = 'STRICT' | 'PERMISSIVE' | 'DISABLE';

interface PeerAuthenticationFields {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly mtls?: { readonly mode?: string };
  readonly portLevelMtls?: Readonly<Record<string, { readonly mode?: string }>>;
}

/** Callers speak mutual TLS to both sides, so neither side may be told not to. */
export async function plaintextSides(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const side of ['vm', 'k8s'] as const) {
    const { mode, by } = await mutualTlsOf(scene, member, side);
    if (mode !== 'DISABLE') continue;
    findings.push({
      why: `${by} in ${member.name} turns mutual TLS off for ${side === 'vm' ? 'the VM' : 'the copy'}, and callers speak nothing else to it`,
      next: 'set its mode to PERMISSIVE or STRICT',
    });
  }
  return findings;
}

export interface EffectiveMutualTls {
  readonly mode: MutualTls;
  /** the object that says so; null for Istio's own default */
  readonly by: string | null;
}

/** What a side demands of callers on the service's port: the narrowest PeerAuthentication that says something wins. */
export async function mutualTlsOf(
  scene: Scene,
  member: MemberCluster,
  side: Side,
): Promise<EffectiveMutualTls> {
  const { manifests, migration, signal } = scene;
  const [all, mesh] = await Promise.all([
    member.kube.list({ apiVersion: istioSecurity, kind: 'PeerAuthentication' }, signal),
    meshConfigOf(scene, member),
  ]);
  const labels =
    side === 'vm'
      ? (workloadGroup(migration).spec as { metadata: { labels: Record<string, string> } }).metadata.labels
      : (manifests.filter(isWorkload).map((it) => podTemplate(it).metadata?.labels)[0] ?? {});
  const { namespace } = migration.metadata;
  const rootNamespace = mesh.rootNamespace ?? migration.spec.istio.namespace;
  const chosen = (it: KubeObject) => fieldsOf(it).selector?.matchLabels;
  const narrowestFirst = [
    ...all.filter(
      (it) => namespaceOf(it) === namespace && isSelective(chosen(it)) && selects(chosen(it) ?? {}, labels),
    ),
    ...all.filter((it) => namespaceOf(it) === namespace && !isSelective(chosen(it))),
    ...all.filter((it) => namespaceOf(it) === rootNamespace && !isSelective(chosen(it))),
  ];
  for (const policy of narrowestFirst) {
    const { mtls, portLevelMtls } = fieldsOf(policy);
    const mode = portLevelMtls?.[String(migration.spec.service.port)]?.mode ?? mtls?.mode ?? 'UNSET';
    if (mode === 'STRICT' || mode === 'PERMISSIVE' || mode === 'DISABLE')
      return { mode, by: `PeerAuthentication ${namespaceOf(policy)}/${policy.metadata.name}` };
  }
  return { mode: 'PERMISSIVE', by: null };
}

function isSelective(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels !== undefined && Object.keys(labels).length > 0;
}

function fieldsOf(policy: KubeObject): PeerAuthenticationFields {
  return (policy.spec ?? {}) as PeerAuthenticationFields;
}
