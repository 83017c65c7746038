import { eastWestAddresses } from '../actions/side-hosts.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isWorkload, podTemplate } from '../mesh/copy.ts';
import { entryPortName } from '../mesh/home-stand-in.ts';
import { migrationLabel } from '../mesh/marks.ts';
import { istioNetworking } from '../mesh/mesh-host.ts';
import { serviceHost } from '../mesh/names.ts';
import { workloadGroup } from '../mesh/vm-workload.ts';
import type { Check, Finding } from './check.ts';
import { firstFinding } from './clusters.ts';

export const meshChecks: readonly Check[] = [
  {
    id: 'mesh-service-in-every-member',
    category: 'mesh',
    sentence: 'the Service that clients call is in every member cluster, with the migration’s port',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (context) =>
      firstFinding(context.members, async (member) => {
        const service = await serviceIn(context, member);
        const { name, port } = context.migration.spec.service;
        const { namespace } = context.migration.metadata;
        if (!service) {
          return {
            why: `${member.name} has no Service ${namespace}/${name}, so its pods can't resolve the name`,
            next: `create it in ${member.name} with the selector of the copy's pods and port ${port}`,
          };
        }
        const ports = ((service.spec as ServiceSpec).ports ?? []).map((it) => it.port);
        if (ports.includes(port)) return unnamedPort(context, member, service);
        return {
          why: `Service ${namespace}/${name} in ${member.name} has ports ${ports.join(', ') || 'none'}, not ${port}`,
          next: 'correct spec.service.port, or the Service',
        };
      }),
  },
  {
    id: 'mesh-service-selects-the-copy',
    category: 'mesh',
    sentence: 'the Service selects the copy’s pods, and not the VM',
    severity: 'fatal',
    after: 'mesh-service-in-every-member',
    look: (context) =>
      firstFinding(context.members, async (member) => {
        const service = await serviceIn(context, member);
        return service
          ? selectorFinding(context, member, (service.spec as ServiceSpec).selector ?? {})
          : null;
      }),
  },
  ...(['VirtualService', 'DestinationRule'] as const).map(
    (kind): Check => ({
      id: `mesh-no-other-${kind.toLowerCase()}`,
      category: 'mesh',
      sentence: `no ${kind} of someone else’s is on the service’s host`,
      severity: 'fatal',
      after: 'clusters-reachable',
      look: (context) => firstFinding(context.members, (member) => othersOnHost(context, member, kind)),
    }),
  ),
  {
    id: 'mesh-gateway-address',
    category: 'mesh',
    sentence: 'the target cluster’s east-west gateway has an address',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: async (context) => {
      if (context.members.length > 1) await eastWestAddresses(context);
      return null;
    },
  },
];

/** In a mesh of global names the pods' stand-in is reached at another port than theirs, which only a name can tell. */
function unnamedPort(
  { migration, target }: EngineContext,
  { name, member }: MemberCluster,
  service: KubeObject,
): Finding | null {
  if (migration.spec.topology !== 'global-names' || name === target.name) return null;
  const unnamed = ((service.spec as ServiceSpec).ports ?? []).find((it) => entryPortName(it) === null);
  if (!unnamed) return null;
  const { namespace, name: serviceName } = service.metadata;
  return {
    why: `port ${unnamed.port} of Service ${namespace}/${serviceName} in ${name} has no name, by which the way through the far gateway is found after completion`,
    next: `name it ${migration.spec.service.protocol}: kubectl --context ${member.context} -n ${namespace} edit service ${serviceName}`,
  };
}

interface ServiceSpec {
  readonly ports?: readonly {
    readonly port: number;
    readonly name?: string;
    readonly targetPort?: number | string;
  }[];
  readonly selector?: Readonly<Record<string, string>>;
}

function serviceIn(
  { migration, signal }: EngineContext,
  { kube }: MemberCluster,
): Promise<KubeObject | null> {
  const { namespace } = migration.metadata;
  return kube.get(
    { apiVersion: 'v1', kind: 'Service', namespace, name: migration.spec.service.name },
    signal,
  );
}

/**
 * istiod never drops a VM's endpoint from a Service whose selector stops matching it, so a Service that selected the
 * VM could not be completed without losing requests.
 */
function selectorFinding(
  { manifests, migration }: EngineContext,
  { name, member }: MemberCluster,
  selector: Readonly<Record<string, string>>,
): Finding | null {
  const service = `Service ${migration.metadata.namespace}/${migration.spec.service.name} in ${name}`;
  const shown = JSON.stringify(selector);
  if (Object.keys(selector).length === 0) {
    return {
      why: `${service} has no selector, so the copy's pods would never be behind it`,
      next: `give it the labels of the copy's pods as its selector`,
    };
  }
  const vm = (workloadGroup(migration).spec as { metadata: { labels: Record<string, string> } }).metadata
    .labels;
  if (matches(selector, vm)) {
    return {
      why: `${service} selects the VM (${shown})`,
      next: `make a Service of the same name anew with the pods' labels as its selector: kubectl --context ${member.context} replace --force`,
    };
  }
  const stranger = manifests
    .filter(isWorkload)
    .find((it) => !matches(selector, podTemplate(it).metadata?.labels ?? {}));
  if (!stranger) return null;
  return {
    why: `${service} selects ${shown}, but the pods of ${stranger.kind} ${stranger.metadata.name} have ${JSON.stringify(podTemplate(stranger).metadata?.labels ?? {})}`,
    next: 'give the pods the labels that the Service selects',
  };
}

function matches(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** Only one VirtualService per host takes effect in a sidecar, so another's would fight with ours over every request. */
async function othersOnHost(
  { migration, signal }: EngineContext,
  { kube, member, name: cluster }: MemberCluster,
  kind: 'VirtualService' | 'DestinationRule',
): Promise<Finding | null> {
  const objects = await kube.list({ apiVersion: istioNetworking, kind }, signal);
  const other = objects.find(
    (it) =>
      it.metadata.labels?.[migrationLabel] !== migration.metadata.name &&
      hostsOf(it).includes(serviceHost(migration)),
  );
  if (!other) return null;
  const { namespace, name } = other.metadata;
  return {
    why: `${kind} ${namespace}/${name} in ${cluster} is on ${serviceHost(migration)} already, and Meshlift overwrites nobody's routes`,
    next: `take the host out of it, or delete it: kubectl --context ${member.context} -n ${namespace} delete ${kind.toLowerCase()} ${name}`,
  };
}

/** Hosts in full: a short name means a service of the object's own namespace. Gateway-only routes concern no sidecar. */
function hostsOf(object: KubeObject): readonly string[] {
  const spec = object.spec as { hosts?: string[]; host?: string; gateways?: string[] };
  if (spec.gateways && !spec.gateways.includes('mesh')) return [];
  const parts = (host: string) => host.split('.').length;
  return [...(spec.hosts ?? []), ...(spec.host ? [spec.host] : [])].map((host) => {
    if (parts(host) === 1) return `${host}.${object.metadata.namespace}.svc.cluster.local`;
    if (parts(host) === 2) return `${host}.svc.cluster.local`;
    return host.endsWith('.svc') ? `${host}.cluster.local` : host;
  });
}
