import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import { copyServiceAccount } from '../mesh/copy.ts';
import { farCopyObjects } from '../mesh/far-copy.ts';
import { farVmObjects } from '../mesh/far-vm.ts';
import { homeStandIns } from '../mesh/home-stand-in.ts';
import { migrationLabel } from '../mesh/marks.ts';
import { istioNetworking } from '../mesh/mesh-host.ts';
import { sideHostObjects } from '../mesh/side-host.ts';
import { splitRouteName } from '../mesh/split-route.ts';
import { testCallerLabel } from '../mesh/test-caller.ts';
import { sides } from '../migration/traffic-split.ts';
import { applyExactly } from './apply-exactly.ts';

/** Makes both side hosts of a member what they should be; a write that changes nothing costs the proxies nothing. */
export async function ensureSideHosts(
  context: EngineContext,
  member: MemberCluster,
  copy: 'absent' | 'present',
): Promise<void> {
  const objects = sides.flatMap((side) => sideHostObjects(context.migration, side, member.name, copy));
  await Promise.all(objects.map((object) => applyExactly(member.kube, object, context)));
}

/** Gives a member that is not the target the copy's stand-in: the target's east-west gateway. Answers whether it is new. */
export async function ensureFarCopy(context: EngineContext, member: MemberCluster): Promise<boolean> {
  if (member.name === context.target.name) return false;
  const addresses = await eastWestAddresses(context);
  const account = copyServiceAccount(context.manifests);
  return ensure(context, member, farCopyObjects(context.migration, member.name, addresses, account));
}

/** Gives a member that does not read the VM's registration the VM's stand-in. Answers whether it is new. */
export async function ensureFarVm(context: EngineContext, member: MemberCluster): Promise<boolean> {
  return ensure(context, member, farVmObjects(context.migration, member.name));
}

/**
 * Puts the way to the pods behind the service's own name in a member that would otherwise have nobody there. It gets no
 * request as long as a split's route stands.
 */
export async function ensureHomeStandIns(context: EngineContext, member: MemberCluster): Promise<void> {
  await ensure(context, member, await homeStandInsOf(context, member));
}

export async function homeStandInsOf(
  context: EngineContext,
  member: MemberCluster,
): Promise<readonly KubeObject[]> {
  const { migration, signal, target } = context;
  if (migration.spec.topology !== 'global-names' || member.name === target.name) return [];
  const { namespace } = migration.metadata;
  const { name } = migration.spec.service;
  const [service, addresses] = await Promise.all([
    member.kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name }, signal),
    eastWestAddresses(context),
  ]);
  if (!service) {
    throw new MeshliftError('cluster-refused', {
      where: `Service ${namespace}/${name} in ${member.name}`,
      why: 'there is no such Service, so nothing can stand behind the name that clients call',
      next: `create it in ${member.name} as it is in ${target.name}, then: meshlift complete`,
    });
  }
  const account = copyServiceAccount(context.manifests);
  return homeStandIns(migration, member.name, service, addresses, account);
}

async function ensure(
  context: EngineContext,
  { kube }: MemberCluster,
  objects: readonly KubeObject[],
): Promise<boolean> {
  const { migration, signal } = context;
  const made = await Promise.all(
    objects.map(async (object) => {
      const { apiVersion, kind, metadata } = object;
      const { name, namespace = migration.metadata.namespace } = metadata;
      const before = await kube.get({ apiVersion, kind, namespace, name }, signal);
      await applyExactly(kube, object, context);
      return before === null;
    }),
  );
  return made.includes(true);
}

/** Addresses under which other clusters reach the target's services. */
export async function eastWestAddresses(context: EngineContext): Promise<readonly string[]> {
  const { namespace, service } = context.migration.spec.istio.eastWestGateway;
  const { kube, name, member } = context.target;
  const object = await kube.get(
    { apiVersion: 'v1', kind: 'Service', namespace, name: service },
    context.signal,
  );
  const ingress = (
    object?.status as { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } } | undefined
  )?.loadBalancer?.ingress;
  const addresses = (ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  if (addresses.length > 0) return addresses;
  const why = !object
    ? 'there is no such Service'
    : ingress?.some(({ hostname }) => hostname)
      ? `its load balancer has a DNS name only (${ingress[0]?.hostname}), and endpoints need addresses`
      : 'its load balancer has no address yet';
  throw new MeshliftError('cluster-refused', {
    where: `Service ${namespace}/${service} in ${name}`,
    why,
    next: `kubectl --context ${member.context} -n ${namespace} get service ${service}; set spec.istio.eastWestGateway if it has another name`,
  });
}

/**
 * Removes everything of Meshlift's that routes traffic in a member, found by label so that nothing that an earlier
 * version or another suffix made is left. The route first: the side hosts must outlive every route to them.
 */
export async function removeRoute(context: EngineContext, member: MemberCluster): Promise<boolean> {
  const { migration, signal } = context;
  return member.kube.delete(
    {
      apiVersion: istioNetworking,
      kind: 'VirtualService',
      namespace: migration.metadata.namespace,
      name: splitRouteName(migration),
    },
    { signal },
  );
}

export async function removeSideHosts(context: EngineContext, member: MemberCluster): Promise<number> {
  const objects = await sideHostLeftovers(context, member);
  for (const { apiVersion, kind, metadata } of objects) {
    const { name, namespace = context.migration.metadata.namespace } = metadata;
    await member.kube.delete({ apiVersion, kind, namespace, name }, { signal: context.signal });
  }
  return objects.length;
}

/** What of Meshlift's stands behind the routes of a member, in the order in which it can go. */
export async function sideHostLeftovers(
  { migration, signal }: EngineContext,
  { kube }: MemberCluster,
): Promise<readonly KubeObject[]> {
  const { namespace, name } = migration.metadata;
  const labelSelector = `${migrationLabel}=${name}`;
  const found: KubeObject[] = [];
  for (const kind of ['DestinationRule', 'ServiceEntry', 'WorkloadEntry']) {
    const objects = await kube.list({ apiVersion: istioNetworking, kind, namespace, labelSelector }, signal);
    // The VM's own registration belongs to its WorkloadGroup and stays until the VM leaves.
    found.push(...objects.filter((it) => !it.metadata.ownerReferences?.length));
  }
  const callers = `${labelSelector},${testCallerLabel}=true`;
  found.push(
    ...(await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: callers }, signal)),
  );
  return found;
}
