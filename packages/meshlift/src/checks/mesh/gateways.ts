import { eastWestAddresses } from '../../actions/side-hosts.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { isMeshliftError } from '../../errors/error.ts';
import { eastWestPort } from '../../mesh/far-copy.ts';
import { istioNetworking } from '../../mesh/mesh-host.ts';
import { serviceHost } from '../../mesh/names.ts';
import { isReady } from '../../mesh/pod-state.ts';
import { sidecarsOf } from '../../verification/sidecars.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import type { Scene } from '../scene.ts';
import { coversHost, hostInFull, namespaceOf, selects } from './istio-hosts.ts';

/** Gateways only carry traffic where there is more than one cluster. */
export async function addressOfGateway(scene: Scene): Promise<readonly Finding[]> {
  if (scene.members.length === 1) return [];
  try {
    await eastWestAddresses(scene);
    return [];
  } catch (error) {
    if (isMeshliftError(error, 'cluster-refused') && error.where.startsWith('Service '))
      return [{ why: error.message, next: error.next }];
    throw error;
  }
}

interface GatewayFields {
  readonly selector?: Readonly<Record<string, string>>;
  readonly servers?: readonly {
    readonly port?: { readonly number?: number };
    readonly hosts?: readonly string[];
    readonly tls?: { readonly mode?: string };
  }[];
}

/** The target's gateway must let other clusters' callers through to the copy, by its name. */
export async function closedGateway(scene: Scene): Promise<readonly Finding[]> {
  if (scene.members.length === 1) return [];
  const { migration, signal, target } = scene;
  const [gateways, pods] = await Promise.all([
    target.kube.list({ apiVersion: istioNetworking, kind: 'Gateway' }, signal),
    gatewayPods(scene, target),
  ]);
  const labels = pods.map((it) => it.metadata.labels ?? {});
  const open = gateways.some((gateway) => {
    const { selector = {}, servers = [] } = (gateway.spec ?? {}) as GatewayFields;
    return (
      labels.some((it) => selects(selector, it)) &&
      servers.some(
        ({ port, tls, hosts = [] }) =>
          port?.number === eastWestPort &&
          tls?.mode === 'AUTO_PASSTHROUGH' &&
          hosts.some((host) =>
            coversHost(hostInFull(host.replace(/^.*\//, ''), namespaceOf(gateway)), serviceHost(migration)),
          ),
      )
    );
  });
  if (open) return [];
  return [
    {
      why: `no Gateway object in ${target.name} lets ${serviceHost(migration)} through its east-west gateway on port ${eastWestPort} (tls AUTO_PASSTHROUGH), so callers elsewhere could not reach the copy`,
      next: `kubectl --context ${target.member.context} apply -n ${migration.spec.istio.eastWestGateway.namespace} -f samples/multicluster/expose-services.yaml (of Istio)`,
    },
  ];
}

export async function singleGateways(scene: Scene): Promise<readonly Finding[]> {
  if (scene.members.length === 1) return [];
  return inEveryMember([scene.target], async (member) => {
    const ready = (await gatewayPods(scene, member)).filter(isReady).length;
    if (ready > 1) return null;
    const { namespace, service } = scene.migration.spec.istio.eastWestGateway;
    return {
      why: `the east-west gateway ${namespace}/${service} of ${member.name} has ${ready === 1 ? 'one ready pod' : 'no ready pod'}: while that is replaced, callers in other clusters reach the copy through nothing`,
      next: `give it two pods at least: kubectl --context ${member.member.context} -n ${namespace} scale deployment ${service} --replicas=2`,
    };
  });
}

interface HostStatus {
  readonly address?: { readonly socket_address?: { readonly address: string; readonly port_value?: number } };
  readonly stats?: readonly { readonly name: string; readonly value?: string }[];
}

/** enough proxies to tell: they all take the same way to the gateway */
const askedProxies = 5;

/**
 * Whether calls get from the other members through the target's gateway: what callers' proxies met on the way there so
 * far. Where nobody has gone that way yet, nobody knows.
 */
export async function gatewayReachable(scene: Scene): Promise<readonly Finding[]> {
  const others = scene.members.filter(({ name }) => name !== scene.target.name);
  if (others.length === 0) return [];
  const addresses = (await eastWestAddresses(scene)).map((address) => `${address}:${eastWestPort}`);
  return inEveryMember(others, async (member) => {
    const proxies = (await sidecarsOf(scene, member)).slice(0, askedProxies);
    const tries = await Promise.all(
      proxies.map(async ({ namespace, pod }) =>
        triesOf(
          await member.kube.forwardedGet(
            { namespace, pod, port: 15_000 },
            '/clusters?format=json',
            scene.signal,
          ),
          addresses,
        ),
      ),
    );
    const opened = tries.reduce((sum, it) => sum + it.opened, 0);
    const failed = tries.reduce((sum, it) => sum + it.failed, 0);
    const shown = addresses.join(', ');
    if (opened > 0) return null;
    if (failed > 0) {
      return {
        why: `none of ${failed} connections from proxies in ${member.name} to the east-west gateway of ${scene.target.name} (${shown}) came about`,
        next: `let the nodes of ${member.name} reach it: firewall, load balancer, routes`,
      };
    }
    return {
      why: `no proxy in ${member.name} has called anything through the east-west gateway of ${scene.target.name} (${shown}) yet`,
      next: 'deploy tries it before any customer does; or call any service of the other cluster first',
      unknown: true,
    };
  });
}

/** Connections that a proxy has opened to some addresses, and those that failed; under any service's name. */
function triesOf(clustersPage: string, addresses: readonly string[]): { opened: number; failed: number } {
  const { cluster_statuses: clusters = [] } = JSON.parse(clustersPage) as {
    cluster_statuses?: { host_statuses?: HostStatus[] }[];
  };
  const hosts = clusters
    .flatMap(({ host_statuses: statuses = [] }) => statuses)
    .filter(({ address }) =>
      addresses.includes(`${address?.socket_address?.address}:${address?.socket_address?.port_value}`),
    );
  const total = (name: string) =>
    hosts.reduce((sum, { stats = [] }) => sum + Number(stats.find((it) => it.name === name)?.value ?? 0), 0);
  const failed = total('cx_connect_fail');
  return { opened: total('cx_total') - failed, failed };
}

async function gatewayPods({ migration, signal }: Scene, { kube }: MemberCluster) {
  const { namespace, service } = migration.spec.istio.eastWestGateway;
  const [object, pods] = await Promise.all([
    kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: service }, signal),
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, signal),
  ]);
  const { selector = {} } = (object?.spec ?? {}) as { selector?: Record<string, string> };
  if (Object.keys(selector).length === 0) return [];
  return pods.filter((pod) => namespaceOf(pod) === namespace && selects(selector, pod.metadata.labels ?? {}));
}
