import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { isWorkload, podTemplate } from '../../mesh/copy.ts';
import { entryPortName } from '../../mesh/home-stand-in.ts';
import { standInLabel } from '../../mesh/marks.ts';
import { istioNetworking } from '../../mesh/mesh-host.ts';
import { workloadGroup } from '../../mesh/vm-workload.ts';
import { type Protocol, portsOf } from '../../spec/migration.ts';
import type { Finding } from '../check.ts';
import type { Scene } from '../scene.ts';
import { containersOf, templateSpec } from '../workload/pod-spec.ts';
import { selects } from './istio-hosts.ts';

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly ports?: readonly ServicePort[];
  readonly selector?: Readonly<Record<string, string>>;
}

/** The Service that clients call, in one member; null where there is none. */
export function calledService(
  { migration, signal }: Scene,
  { kube }: MemberCluster,
): Promise<KubeObject | null> {
  const { namespace } = migration.metadata;
  return kube.get(
    { apiVersion: 'v1', kind: 'Service', namespace, name: migration.spec.service.name },
    signal,
  );
}

export function specOf(service: KubeObject): ServiceSpec {
  return (service.spec ?? {}) as ServiceSpec;
}

interface FoundPort {
  readonly wanted: { readonly port: number; readonly protocol: Protocol };
  readonly found: ServicePort | undefined;
}

/** Each port of the migration, as the Service has it. */
function portsIn({ migration }: Scene, service: KubeObject): readonly FoundPort[] {
  return portsOf(migration).map((wanted) => ({
    wanted,
    found: specOf(service).ports?.find(({ port }) => port === wanted.port),
  }));
}

function inWords({ migration }: Scene, { name }: MemberCluster): string {
  return `Service ${migration.metadata.namespace}/${migration.spec.service.name} in ${name}`;
}

export async function absentService(scene: Scene, member: MemberCluster): Promise<Finding | null> {
  const service = await calledService(scene, member);
  const { name, port } = scene.migration.spec.service;
  if (!service) {
    return {
      why: `${member.name} has no Service ${scene.migration.metadata.namespace}/${name}, so its pods can't resolve the name`,
      next: `create it in ${member.name} with the selector of the copy's pods and port ${port}`,
    };
  }
  const absent = portsIn(scene, service).find(({ found }) => !found);
  if (!absent) return unnamedPort(scene, member, service);
  const ports = (specOf(service).ports ?? []).map((it) => it.port);
  return {
    why: `${inWords(scene, member)} has ports ${ports.join(', ') || 'none'}, not ${absent.wanted.port}`,
    next: 'correct spec.service, or the Service',
  };
}

/** In a mesh of global names the pods' stand-in is reached at another port than theirs, which only a name can tell. */
function unnamedPort(
  { migration, target }: Scene,
  { name, member }: MemberCluster,
  service: KubeObject,
): Finding | null {
  if (migration.spec.topology !== 'global-names' || name === target.name) return null;
  const unnamed = (specOf(service).ports ?? []).find((it) => entryPortName(it) === null);
  if (!unnamed) return null;
  const { namespace, name: serviceName } = service.metadata;
  return {
    why: `port ${unnamed.port} of Service ${namespace}/${serviceName} in ${name} has no name, by which the way through the far gateway is found after completion`,
    next: `name it ${migration.spec.service.protocol}: kubectl --context ${member.context} -n ${namespace} edit service ${serviceName}`,
  };
}

/** The name must resolve while there are no pods yet: a headless Service's name then has no address at all. */
export async function addressOfService(scene: Scene, member: MemberCluster): Promise<Finding | null> {
  const service = await calledService(scene, member);
  if (!service) return null;
  const { type, clusterIP } = specOf(service);
  if (type !== 'ExternalName' && clusterIP !== 'None') return null;
  return {
    why: `${inWords(scene, member)} is ${type === 'ExternalName' ? 'an ExternalName' : 'headless (clusterIP: None)'}, so its name has no address before the copy has pods, and callers would not get as far as their proxy`,
    next: `make it anew without ${type === 'ExternalName' ? 'type: ExternalName' : 'clusterIP: None'}: kubectl --context ${member.member.context} replace --force -f service.yaml`,
  };
}

/** As Istio reads them from appProtocol, else from the port's name up to its first dash. */
const spokenAs: Readonly<Record<Protocol, readonly string[]>> = {
  grpc: ['grpc', 'grpc-web', 'http2', 'kubernetes.io/h2c'],
  http: ['http', 'http2', 'kubernetes.io/h2c'],
  tcp: ['tcp', 'mongo', 'mysql', 'redis', 'tls'],
};

/** A route for HTTP says nothing to a port that the proxies take for TCP, and the other way round. */
export async function protocolOfService(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const service = await calledService(scene, member);
  if (!service) return [];
  return portsIn(scene, service).flatMap(({ found, wanted: { protocol } }) => {
    if (!found) return [];
    const said = (found.appProtocol ?? found.name?.split('-')[0] ?? '').toLowerCase();
    if (spokenAs[protocol].includes(said)) return [];
    const told = found.appProtocol
      ? `appProtocol ${found.appProtocol}`
      : found.name
        ? `the name ${found.name}`
        : 'no name and no appProtocol';
    return [
      {
        why: `port ${found.port} of ${inWords(scene, member)} has ${told}, from which Istio does not read ${protocol}: proxies would not apply the split's route to it`,
        next: `set appProtocol: ${protocol} on that port, or correct spec.service`,
      },
    ];
  });
}

/**
 * The name leads to the pods alone, which are not there before the migration and all there is after it: who calls a port
 * that does not move gets nothing until then.
 */
export async function portsLeftBehind(scene: Scene, member: MemberCluster): Promise<Finding | null> {
  const service = await calledService(scene, member);
  const moved = new Set(portsOf(scene.migration).map(({ port }) => port));
  const left = ((service && specOf(service).ports) ?? []).filter(({ port }) => !moved.has(port));
  if (left.length === 0) return null;
  return {
    why: `${inWords(scene, member)} has port ${left.map(({ port }) => port).join(', ')} as well, which does not move: until completion nobody answers there under the service's name`,
    next: 'name it in spec.service.morePorts, if the program on the VM serves it',
  };
}

function entryFields(entry: KubeObject): { labels?: Readonly<Record<string, string>>; address?: string } {
  return (entry.spec ?? {}) as { labels?: Readonly<Record<string, string>>; address?: string };
}

/**
 * istiod never drops a VM's endpoint from a Service whose selector stops matching it, so a Service that selected the
 * VM could not be completed without losing requests.
 */
export async function selectorOfService(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const found = await calledService(scene, member);
  if (!found) return [];
  const { manifests, migration } = scene;
  const selector = specOf(found).selector ?? {};
  const service = inWords(scene, member);
  const shown = JSON.stringify(selector);
  if (Object.keys(selector).length === 0) {
    return [
      {
        why: `${service} has no selector, so the copy's pods would never be behind it`,
        next: `give it the labels of the copy's pods as its selector`,
      },
    ];
  }
  const vm = (workloadGroup(migration).spec as { metadata: { labels: Record<string, string> } }).metadata
    .labels;
  const ofVm = selects(selector, vm)
    ? [
        {
          why: `${service} selects the VM (${shown})`,
          next: `make a Service of the same name anew with the pods' labels as its selector: kubectl --context ${member.member.context} replace --force`,
        },
      ]
    : [];
  const entries = await member.kube.list(
    { apiVersion: istioNetworking, kind: 'WorkloadEntry', namespace: migration.metadata.namespace },
    scene.signal,
  );
  const selected = entries.filter(
    (it) =>
      it.metadata.labels?.[standInLabel] !== migration.metadata.name &&
      selects(selector, entryFields(it).labels ?? {}),
  );
  const strangers = manifests
    .filter(isWorkload)
    .filter((it) => !selects(selector, podTemplate(it).metadata?.labels ?? {}));
  return [
    ...ofVm,
    ...selected.map((it) => ({
      why: `${service} selects ${shown}, and with it WorkloadEntry ${it.metadata.name} (${entryFields(it).address}), which istiod would go on sending requests to after completion, whatever becomes of it`,
      next: `make a Service of the same name anew whose selector only the copy's pods match, at a quiet time: kubectl --context ${member.member.context} -n ${migration.metadata.namespace} replace --force -f service.yaml; then: meshlift vm join`,
    })),
    ...strangers.map((it) => ({
      why: `${service} selects ${shown}, but the pods of ${it.kind} ${it.metadata.name} have ${JSON.stringify(podTemplate(it).metadata?.labels ?? {})}`,
      next: 'give the pods the labels that the Service selects',
    })),
  ];
}

/**
 * The side hosts name one port: the service's own. Where a Service translates it (8080 behind 80), the sides' endpoints
 * would be asked on a port on which nobody listens.
 */
export async function targetPortOfService(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const service = await calledService(scene, member);
  if (!service) return [];
  return portsIn(scene, service).flatMap(({ found: port }) => {
    if (!port) return [];
    const { targetPort = port.port } = port;
    const numbers = typeof targetPort === 'number' ? [targetPort] : namedPorts(scene, targetPort);
    if (numbers.length > 0 && numbers.every((it) => it === port.port)) return [];
    return [
      {
        why:
          numbers.length === 0
            ? `${inWords(scene, member)} sends port ${port.port} to a port named ${targetPort}, which no container of the manifests has`
            : `${inWords(scene, member)} sends port ${port.port} to port ${numbers.join(', ')} of the pods, but the sides are asked on ${port.port}, on the VM and on the pods alike`,
        next: `let the copy listen on ${port.port} and set targetPort: ${port.port}`,
      },
    ];
  });
}

function namedPorts({ manifests }: Scene, name: string): readonly number[] {
  return manifests
    .filter(isWorkload)
    .flatMap((it) => containersOf(templateSpec(it)))
    .flatMap(({ ports = [] }) => ports)
    .flatMap((port) => (port.name === name ? [port.containerPort] : []));
}
