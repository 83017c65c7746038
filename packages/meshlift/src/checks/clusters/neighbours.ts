import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import { injectorValuesOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';

/** Istio's id of a cluster is in the injector's values, and names it in others' remote secrets. */
const unnamedCluster = 'Kubernetes';

/** Members whose istiod can't read another member's endpoints, so that it would not know the copy once completed. */
export async function missingRemoteSecrets(scene: Scene): Promise<readonly Finding[]> {
  if (scene.migration.spec.topology !== 'endpoint-discovery' || scene.members.length === 1) return [];
  return inEveryMember(scene.members, async (member) => {
    const [known, ...others] = await Promise.all([
      remoteClusters(scene, member),
      ...scene.members
        .filter(({ name }) => name !== member.name)
        .map(async (other) => ({ other, id: await istioId(scene, other) })),
    ]);
    return others
      .filter(({ id }) => !known.has(id))
      .map(({ other, id }) => ({
        why: `${member.name} has no remote secret for ${other.name} (Istio calls it ${id}); it has ${[...known.keys()].join(', ') || 'none'}`,
        next: `istioctl create-remote-secret --context ${other.member.context} --name ${id} | kubectl --context ${member.member.context} apply -f -; or spec.topology: global-names, for clusters that shall not read each other`,
      }));
  });
}

/** Where names are global, each other cluster's pods have a stand-in behind the service's name; discovered, they'd be there twice. */
export async function remoteSecretsInTheWay(scene: Scene): Promise<readonly Finding[]> {
  if (scene.migration.spec.topology !== 'global-names') return [];
  return inEveryMember(scene.members, async (member) => {
    const secrets = [...new Set((await remoteClusters(scene, member)).values())];
    if (secrets.length === 0) return null;
    return {
      why: `${member.name} has ${secrets.join(', ')}: after completion its callers would have the pods twice, by discovery and by the gateway's stand-in`,
      next: 'spec.topology: endpoint-discovery, which needs no stand-ins',
    };
  });
}

/**
 * Clusters of the mesh that the migration doesn't name. Whether they have callers can't be seen from here; if they do,
 * no route there sends them to the sides, and they find the pods alone.
 */
export async function neighbours(scene: Scene): Promise<readonly Finding[]> {
  const ids = new Set<string>();
  const found = new Map<string, string>();
  const untold = await inEveryMember(scene.members, async (member) => {
    ids.add(await istioId(scene, member));
    for (const [id, secret] of await remoteClusters(scene, member))
      found.set(id, `${secret} in ${member.name}`);
    return null;
  });
  const { name } = scene.migration.spec.service;
  const strangers = [...found].filter(([id]) => !ids.has(id));
  return [
    // Without every member's own id, a member would be taken for a stranger.
    ...(untold.length > 0 ? [] : strangers).map(([id, secret]) => ({
      why: `cluster ${id} is in the mesh (${secret}) but no member of the migration: callers of ${name} there would go past the split`,
      next: `if it has callers of ${name}, add it to spec.clusters; else leave it as it is`,
    })),
    ...untold,
  ];
}

/** The clusters that a member's istiod reads besides its own, each with the Secret that lets it. */
async function remoteClusters(
  { migration, signal }: Scene,
  { kube }: MemberCluster,
): Promise<ReadonlyMap<string, string>> {
  const { namespace } = migration.spec.istio;
  const secrets = await kube.list(
    { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector: 'istio/multiCluster=true' },
    signal,
  );
  return new Map(
    secrets.flatMap((secret) =>
      namesIn(secret).map((id) => [id, `Secret ${namespace}/${secret.metadata.name}`]),
    ),
  );
}

/** A remote secret has a kubeconfig for each cluster, under that cluster's name. */
function namesIn({ data }: KubeObject): readonly string[] {
  return Object.keys((data as Record<string, string> | undefined) ?? {});
}

async function istioId(scene: Scene, member: MemberCluster): Promise<string> {
  return (await injectorValuesOf(scene, member)).global?.multiCluster?.clusterName || unnamedCluster;
}
