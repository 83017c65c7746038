import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { sideLabel } from '../../mesh/marks.ts';
import { isRunning } from '../../mesh/pod-state.ts';
import type { Migration } from '../../spec/migration.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import { namespaceOf } from '../mesh/istio-hosts.ts';
import { mutualTlsOf } from '../mesh/mutual-tls.ts';
import type { Scene } from '../scene.ts';
import { containersOf, type PodSpec } from '../workload/pod-spec.ts';

/**
 * Whether a text names the service as a caller in this namespace would: with its port, its namespace, or after `://`.
 * The bare word says little; it may be a label, or a name of something else.
 */
export function namesService(text: string, { metadata, spec }: Migration, fromNamespace: string): boolean {
  const name = spec.service.name;
  const domain = `\\.${metadata.namespace}(?:\\.svc(?:\\.cluster\\.local)?)?`;
  const before = '(?:^|[^\\w.-])';
  const inFull = `${before}${name}${domain}(?![\\w-]|\\.[\\w-])`;
  const short = `${before}${name}:${spec.service.port}(?!\\d)|://${name}(?![\\w.-])`;
  const here = fromNamespace === metadata.namespace;
  return new RegExp(here ? `${inFull}|${short}` : inFull).test(text);
}

const proxyContainer = 'istio-proxy';

export function hasSidecar(pod: KubeObject): boolean {
  return containersOf((pod.spec ?? {}) as PodSpec).some(({ name }) => name === proxyContainer);
}

/** Where a pod's own configuration names the service; null where it does not. */
export function mentionIn(pod: KubeObject, migration: Migration): string | null {
  const namespace = namespaceOf(pod);
  for (const { name, args = [], command = [], env = [] } of containersOf((pod.spec ?? {}) as PodSpec)) {
    if (name === proxyContainer) continue;
    const variable = env.find(
      ({ value }) => value !== undefined && namesService(value, migration, namespace),
    );
    if (variable) return `${variable.name} of container ${name}`;
    if ([...command, ...args].some((it) => namesService(it, migration, namespace)))
      return `the command line of container ${name}`;
  }
  return null;
}

/** Pods that call the service and have no sidecar: no route reaches them, before, during and after. */
export async function callersWithoutSidecar(
  scene: Scene,
  member: MemberCluster,
): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const pods = await member.kube.list({ apiVersion: 'v1', kind: 'Pod' }, signal);
  return pods
    .filter((pod) => isRunning(pod) && !hasSidecar(pod) && pod.metadata.labels?.[sideLabel] === undefined)
    .flatMap((pod) => {
      const mention = mentionIn(pod, migration);
      if (mention === null) return [];
      const namespace = namespaceOf(pod);
      const ambient = pod.metadata.labels?.['istio.io/dataplane-mode'] === 'ambient';
      const why = ambient ? 'is in ambient mode, where sidecars’ routes mean nothing' : 'has no sidecar';
      return {
        why: `${namespace}/${pod.metadata.name} in ${member.name} calls ${migration.spec.service.name} (${mention}) and ${why}: no split reaches it, and under the service's name it finds the copy's pods alone`,
        next: `have it injected: kubectl --context ${member.member.context} label namespace ${namespace} istio-injection=enabled, then restart it`,
      };
    });
}

interface PodAddresses {
  readonly podIP?: string;
  readonly podIPs?: readonly { readonly ip: string }[];
  readonly hostIP?: string;
  readonly hostIPs?: readonly { readonly ip: string }[];
}

interface Connected {
  readonly address: string;
  /** the pod whose address it is; null for a node's, and for a stranger's */
  readonly pod: KubeObject | null;
  /** an address of a member's node, under which several pods may come */
  readonly node: boolean;
}

/** Whoever has a connection open to the service's port on the VM now. */
async function connectedCallers(scene: Scene): Promise<readonly Connected[]> {
  const [process, facts] = await Promise.all([scene.serviceProcess(), scene.vmFacts()]);
  const pods = (
    await Promise.all(
      scene.members.map(({ kube }) => kube.list({ apiVersion: 'v1', kind: 'Pod' }, scene.signal)),
    )
  ).flat();
  const addressesOf = ({ podIP, podIPs = [] }: PodAddresses) => [podIP, ...podIPs.map(({ ip }) => ip)];
  const nodes = new Set(
    pods.flatMap((pod) => {
      const { hostIP, hostIPs = [] } = (pod.status ?? {}) as PodAddresses;
      return [hostIP, ...hostIPs.map(({ ip }) => ip)];
    }),
  );
  const remote = process.callers
    .filter(({ remote: it }) => !it.loopback && !facts.addresses.includes(it.address))
    .map(({ remote: it }) => it.address);
  return [...new Set(remote)].map((address) => ({
    address,
    pod:
      pods.find(
        (pod) => isRunning(pod) && addressesOf((pod.status ?? {}) as PodAddresses).includes(address),
      ) ?? null,
    node: nodes.has(address),
  }));
}

/** With a sidecar on the VM, callers are connected to it and not to the service. */
async function hiddenBySidecar(scene: Scene): Promise<readonly Finding[] | null> {
  const { sidecar } = await scene.vmFacts();
  if (sidecar.unit !== 'active') return null;
  return [
    {
      why: 'the VM’s sidecar runs, so the kernel no longer tells whose connections the service’s are',
      next: 'see what its sidecar lets in from outside the mesh: meshlift vm status',
      unknown: true,
    },
  ];
}

/** Other machines than the members' pods that call the VM: they will not move, and hold it when it should retire. */
export async function callersFromElsewhere(scene: Scene): Promise<readonly Finding[]> {
  const hidden = await hiddenBySidecar(scene);
  if (hidden) return hidden;
  const strangers = (await connectedCallers(scene)).filter(({ pod, node }) => !pod && !node);
  if (strangers.length === 0) return [];
  return [
    {
      why: `${strangers.map(({ address }) => address).join(', ')} ${strangers.length === 1 ? 'is' : 'are'} connected to port ${scene.migration.spec.service.port} of the VM, and ${strangers.length === 1 ? 'is' : 'are'} no pod or node of a member cluster: what calls from there stays on the VM`,
      next: 'see what that is; if it is a cluster, make it a member; if it is another machine, give it the service’s new address before the VM retires',
    },
  ];
}

/**
 * A VM in the mesh whose policy is strict refuses whoever speaks plaintext, from the moment it joins. Once it has joined,
 * that is decided: whoever is refused is refused already, and going on with the migration refuses nobody more.
 */
export async function callersThatStrictRefuses(scene: Scene): Promise<readonly Finding[]> {
  const strict = await strictIn(scene);
  if (strict.findings.length > 0 || strict.by === null) return strict.findings;
  if ((await scene.vmFacts()).sidecar.unit === 'active') return [];
  const plain = (await connectedCallers(scene)).filter(({ pod, node }) => (pod ? !hasSidecar(pod) : !node));
  return plain.map(({ address, pod }) => ({
    why: `${pod ? `${namespaceOf(pod)}/${pod.metadata.name} (${address})` : address} calls the VM without a sidecar, and ${strict.by} lets in mutual TLS alone: it is refused as soon as the VM has joined`,
    next: 'give it a sidecar first, or set the mode to PERMISSIVE until it has one',
  }));
}

/** The VM's proxy is served by the home cluster's istiod, so that cluster's policy counts. */
async function strictIn(scene: Scene): Promise<{ by: string | null; findings: readonly Finding[] }> {
  let by: string | null = null;
  const findings = await inEveryMember([scene.home], async (home) => {
    const { mode, by: policy } = await mutualTlsOf(scene, home, 'vm');
    if (mode === 'STRICT') by = policy;
    return null;
  });
  return { by, findings };
}
