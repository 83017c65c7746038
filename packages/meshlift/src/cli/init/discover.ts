import type { KubeObject, KubeReader } from '../../effects/kube/port.ts';
import { isMeshliftError } from '../../errors/error.ts';
import { readCallers } from '../../metrics/read-callers.ts';
import type { Protocol } from '../../spec/migration.ts';

/** What one context of the kubeconfig leads to, as far as a migration is concerned. */
export type FoundCluster = { readonly context: string } & (
  | { readonly reachable: false; readonly why: string }
  | { readonly reachable: true; readonly istio: boolean; readonly services: readonly FoundService[] }
);

export interface FoundService {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly { readonly port: number; readonly protocol: Protocol }[];
}

const systemNamespaces = /^(kube-|istio-|gke-|gmp-|local-path-)/;

/** Looks at one cluster: is there Istio, and which Services are there. A cluster that does not answer says why. */
export async function discoverCluster(
  context: string,
  kube: KubeReader,
  istioNamespace: string,
  signal: AbortSignal,
): Promise<FoundCluster> {
  try {
    const [istiod, services] = await Promise.all([
      kube.list(
        { apiVersion: 'v1', kind: 'Pod', namespace: istioNamespace, labelSelector: 'app=istiod' },
        signal,
      ),
      kube.list({ apiVersion: 'v1', kind: 'Service' }, signal),
    ]);
    return {
      context,
      reachable: true,
      istio: istiod.length > 0,
      services: services.flatMap((it) => foundService(it) ?? []),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (isMeshliftError(error)) return { context, reachable: false, why: error.why };
    throw error;
  }
}

/** The workloads of a cluster whose proxies have called a service since they started: its callers there. */
export async function discoverCallers(
  kube: KubeReader,
  service: { readonly namespace: string; readonly name: string; readonly port: number },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const host = `${service.name}.${service.namespace}.svc.cluster.local`;
  const { callers } = await readCallers(kube, {
    hosts: [host],
    ports: [service.port],
    latency: false,
    signal,
  });
  const calling = callers.filter(({ calls }) => calls.some(({ count }) => count > 0));
  return [...new Set(calling.map(({ caller }) => `${caller.namespace}/${caller.workload}`))].toSorted();
}

function foundService({ metadata, spec }: KubeObject): FoundService | null {
  const { name, namespace = 'default' } = metadata;
  if (systemNamespaces.test(namespace) || name === 'kubernetes') return null;
  const { clusterIP, ports = [] } = spec as {
    clusterIP?: string;
    ports?: { port: number; name?: string; appProtocol?: string; protocol?: string }[];
  };
  if (clusterIP === 'None') return null;
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  return {
    namespace,
    name,
    ports: tcp.map((it) => ({ port: it.port, protocol: protocolOf(it.appProtocol ?? it.name ?? '') })),
  };
}

/** Istio's own rule: the protocol is what the port's name begins with. */
function protocolOf(name: string): Protocol {
  const [first = ''] = name.toLowerCase().split('-');
  if (first === 'grpc') return 'grpc';
  return first.startsWith('http') ? 'http' : 'tcp';
}
