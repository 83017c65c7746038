import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import { gatewayExposure, gatewayOperator, istiodOperator, type MeshPlace } from '../mesh/member-install.ts';

/** Istio's own command line, with the user's rights. Every method rejects with `istioctl-failed`. */
export interface Istioctl {
  /** the release that it installs, such as `1.31.0` */
  version(): Promise<string>;
  /** installs what an IstioOperator says into a member, and waits until it is ready */
  install(member: MemberCluster, operator: KubeObject): Promise<void>;
  /** a Secret by which others may read this member's API server; makes the account for it there */
  remoteSecret(member: MemberCluster, clusterName: string, istioNamespace: string): Promise<KubeObject>;
}

/** One thing to do, in the order of the list. */
export type InstallStep = { readonly cluster: string; readonly sentence: string } & (
  | { readonly do: 'install'; readonly operator: KubeObject }
  | { readonly do: 'apply'; readonly objects: readonly KubeObject[] }
  | { readonly do: 'remote-secret'; readonly of: string; readonly name: string }
);

interface MemberMesh {
  readonly member: MemberCluster;
  readonly istiod: boolean;
  /** of a member that has Istio; null where it can't be told, or there is none */
  readonly place: MeshPlace | null;
  /** the version that istiod's image names */
  readonly version: string | null;
  /** fingerprint of the root that its workloads trust, or would trust; null when istiod would make one of its own */
  readonly root: string | null;
  readonly gateway: boolean;
  readonly exposed: ReadonlySet<string>;
  /** names of the clusters that it reads */
  readonly reads: ReadonlySet<string>;
}

/**
 * What is missing for the members to be one mesh: Istio, an east-west gateway and what it lets through, and remote secrets
 * both ways. Never changes what is there. Rejects with `mesh-out-of-scope` where somebody has to decide first.
 */
export async function planMeshInstall(
  context: EngineContext,
  istioctl: Istioctl,
): Promise<readonly InstallStep[]> {
  const seen = await Promise.all(context.members.map((member) => look(context, member)));
  const bare = seen.filter((it) => !it.istiod);
  refuseDifferentRoots(seen, bare);
  if (bare.length > 0) await refuseOtherRelease(seen, await istioctl.version());
  const meshId = seen.find((it) => it.place)?.place?.meshId ?? 'mesh1';
  const placed = seen.map((it) => ({ ...it, place: it.istiod ? known(it) : newPlace(it, meshId) }));
  return [...placed.flatMap((it) => ofMember(context, it)), ...remoteSecrets(context, placed)];
}

/** Does the steps, one after the other; each can be repeated. */
export async function installMesh(
  context: EngineContext,
  istioctl: Istioctl,
  steps: readonly InstallStep[],
  told: (step: InstallStep) => void,
): Promise<void> {
  const member = (name: string) => {
    const found = context.members.find((it) => it.name === name);
    if (!found) throw new TypeError(`no member ${name}`);
    return found;
  };
  const { namespace } = context.migration.spec.istio;
  for (const step of steps) {
    told(step);
    const { kube } = member(step.cluster);
    if (step.do === 'install') await istioctl.install(member(step.cluster), step.operator);
    else if (step.do === 'apply') {
      for (const object of step.objects) await kube.apply(object, { signal: context.signal });
    } else {
      const secret = await istioctl.remoteSecret(member(step.of), step.name, namespace);
      await kube.apply(secret, { signal: context.signal });
    }
  }
}

async function look({ migration, signal }: EngineContext, member: MemberCluster): Promise<MemberMesh> {
  const { eastWestGateway, namespace } = migration.spec.istio;
  const { kube } = member;
  const core = (kind: string, name: string, inNamespace = namespace) =>
    kube.get({ apiVersion: 'v1', kind, namespace: inNamespace, name }, signal);
  const [pods, injector, cacerts, root, gateway, gateways, secrets] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'app=istiod' }, signal),
    core('ConfigMap', 'istio-sidecar-injector'),
    core('Secret', 'cacerts'),
    core('ConfigMap', 'istio-ca-root-cert', migration.metadata.namespace),
    core('Service', eastWestGateway.service, eastWestGateway.namespace),
    kube.list(
      { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', namespace: eastWestGateway.namespace },
      signal,
    ),
    kube.list(
      { apiVersion: 'v1', kind: 'Secret', namespace, labelSelector: 'istio/multiCluster=true' },
      signal,
    ),
  ]);
  return {
    member,
    istiod: pods.length > 0,
    place: placeOf(injector),
    version: pods.map(imageVersion).find((it) => it !== null) ?? null,
    root: fingerprint(
      (root?.data as Data)?.['root-cert.pem'] ?? decoded((cacerts?.data as Data)?.['root-cert.pem']),
    ),
    gateway: gateway !== null,
    exposed: new Set(gateways.map((it) => it.metadata.name)),
    reads: new Set(secrets.flatMap((it) => Object.keys((it.data as Data) ?? {}))),
  };
}

type Data = Readonly<Record<string, string>> | undefined;

function placeOf(injector: KubeObject | null): MeshPlace | null {
  const values = (injector?.data as Data)?.values;
  if (values === undefined) return null;
  const { global = {} } = JSON.parse(values) as {
    global?: { meshID?: string; network?: string; multiCluster?: { clusterName?: string } };
  };
  const cluster = global.multiCluster?.clusterName;
  if (!cluster || !global.network) return null;
  return { meshId: global.meshID || 'mesh1', cluster, network: global.network };
}

function imageVersion({ spec }: KubeObject): string | null {
  const { containers = [] } = spec as { containers?: { image?: string }[] };
  return /:(\d+\.\d+\.\d+)/.exec(containers[0]?.image ?? '')?.[1] ?? null;
}

function fingerprint(pem: string | undefined): string | null {
  return pem === undefined ? null : new X509Certificate(pem).fingerprint256;
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString();
}

/** A mesh's root can't be changed under running proxies, so who has none gets it from a person, before Istio. */
function refuseDifferentRoots(seen: readonly MemberMesh[], bare: readonly MemberMesh[]): void {
  if (seen.length === 1) return;
  const without = bare.find(({ root }) => root === null);
  if (without) {
    throw outOfScope(
      without.member.name,
      'it has no Secret cacerts, so its istiod would make a root of its own, and the clusters could not talk to each other',
      'make an intermediate certificate of the mesh’s root, as Secret cacerts in Istio’s namespace (istio.io: Plug in CA Certificates)',
    );
  }
  const [first, ...others] = seen.filter(({ root }) => root !== null);
  const other = others.find(({ root }) => root !== first?.root);
  if (first && other) {
    throw outOfScope(
      other.member.name,
      `it trusts another root than ${first.member.name}; changing a root means restarting every proxy of a mesh`,
      'plan a change of the root certificate first (istio.io: Plug in CA Certificates)',
    );
  }
}

async function refuseOtherRelease(seen: readonly MemberMesh[], release: string): Promise<void> {
  const minor = (version: string) => version.split('.').slice(0, 2).join('.');
  const other = seen.find(({ version }) => version !== null && minor(version) !== minor(release));
  if (!other) return;
  throw outOfScope(
    other.member.name,
    `it runs Istio ${other.version}, and the istioctl on your PATH installs ${release}`,
    `put an istioctl ${other.version} on your PATH`,
  );
}

function known({ member, place }: MemberMesh): MeshPlace {
  if (place) return place;
  throw outOfScope(
    member.name,
    'its Istio was installed without a cluster name or a network, so it can’t be one of several networks',
    'install it with values.global.multiCluster.clusterName and values.global.network (istio.io: Install Multi-Primary on different networks)',
  );
}

function newPlace({ member }: MemberMesh, meshId: string): MeshPlace {
  return { meshId, cluster: member.name, network: `${member.name}-network` };
}

type Placed = MemberMesh & { readonly place: MeshPlace };

function ofMember({ migration }: EngineContext, it: Placed): readonly InstallStep[] {
  const { eastWestGateway, namespace } = migration.spec.istio;
  const cluster = it.member.name;
  const missing = gatewayExposure(eastWestGateway, namespace).filter(
    ({ kind, metadata }) =>
      !it.exposed.has(kind === 'Gateway' ? metadata.name : metadata.name.replace(/-vs$/, '-gateway')),
  );
  const system: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'topology.istio.io/network': it.place.network } },
  };
  const steps: (InstallStep | null)[] = [
    it.istiod
      ? null
      : {
          cluster,
          do: 'apply',
          sentence: `namespace ${namespace}, on network ${it.place.network}`,
          objects: [system],
        },
    it.istiod
      ? null
      : {
          cluster,
          do: 'install',
          sentence: `Istio, as cluster ${it.place.cluster} of mesh ${it.place.meshId}`,
          operator: istiodOperator(it.place, namespace),
        },
    it.gateway
      ? null
      : {
          cluster,
          do: 'install',
          sentence: `the east-west gateway ${eastWestGateway.namespace}/${eastWestGateway.service}`,
          operator: gatewayOperator(it.place, eastWestGateway),
        },
    missing.length === 0
      ? null
      : {
          cluster,
          do: 'apply',
          sentence: `what the gateway lets through: ${missing.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')}`,
          objects: missing,
        },
  ];
  return steps.filter((step) => step !== null);
}

/** Clusters of global names read nobody's API server. */
function remoteSecrets({ migration }: EngineContext, placed: readonly Placed[]): readonly InstallStep[] {
  if (migration.spec.topology !== 'endpoint-discovery') return [];
  return placed.flatMap((reader) =>
    placed
      .filter((other) => other !== reader && !reader.reads.has(other.place.cluster))
      .map((other) => ({
        cluster: reader.member.name,
        do: 'remote-secret' as const,
        sentence: `a remote secret, by which its istiod reads ${other.member.name} (with an account that istioctl makes there)`,
        of: other.member.name,
        name: other.place.cluster,
      })),
  );
}

function outOfScope(cluster: string, why: string, next: string): MeshliftError {
  return new MeshliftError('mesh-out-of-scope', { where: `cluster ${cluster}`, why, next });
}
