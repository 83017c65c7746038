import { MeshliftError } from '../../errors/error.ts';
import type { KubeObject, KubeReader } from '../kube/port.ts';

/** What one istiod has sent to one proxy, and what the proxy has taken. */
export interface ProxySync {
  /** `pod.namespace`; for a VM `hostname.namespace` */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  /** Istio's id of the cluster that the proxy runs in, or that a VM joined */
  readonly cluster: string;
  /** Istio's word: `sidecar`, `router` (a gateway), `waypoint` */
  readonly type: string;
  /** the istiod pod that the proxy is connected to */
  readonly istiod: string;
  readonly sent: TypeNonces;
  readonly acked: TypeNonces;
  /** why the proxy turned down the last configuration; null when it did not */
  readonly rejected: string | null;
}

/** The nonce of the last message per kind of configuration; empty when there was none. */
export interface TypeNonces {
  readonly clusters: string;
  readonly endpoints: string;
  readonly listeners: string;
  readonly routes: string;
}

export interface SyncOptions {
  /** `istio-system` unless given */
  readonly istioNamespace?: string;
  /** only the istiods of this revision; absent: all */
  readonly revision?: string;
  readonly signal?: AbortSignal;
}

const kinds = [
  'clusters',
  'endpoints',
  'listeners',
  'routes',
] as const satisfies readonly (keyof TypeNonces)[];
const debugPort = 15014;

/** See {@link syncStatus}, for whoever looks once. */
export async function readSyncStatus(
  cluster: KubeReader,
  options: SyncOptions = {},
): Promise<readonly ProxySync[]> {
  return syncStatus(cluster, options)();
}

/**
 * Asks every ready istiod of a cluster which configuration its proxies have taken, at every call anew. Each proxy is
 * connected to one istiod, so an istiod that cannot be asked rejects the whole reading: its proxies would look as if they
 * were gone. Rejects with `cluster-refused` when no istiod is ready.
 *
 * Before istiod has pushed a change, the old state reads as synced: compare the nonces with those of before the change.
 */
export function syncStatus(
  cluster: KubeReader,
  options: SyncOptions = {},
): () => Promise<readonly ProxySync[]> {
  const { istioNamespace = 'istio-system', signal } = options;
  let known: readonly string[] = [];
  const ask = async (pod: string): Promise<readonly ProxySync[]> => {
    const target = { namespace: istioNamespace, pod, port: debugPort };
    return parseSyncStatus(await cluster.forwardedGet(target, '/debug/syncz', signal), pod);
  };
  return async () => {
    // Those of the last time are asked while they are listed; who is gone by now need not answer.
    const asked = new Map(known.map((pod) => [pod, ask(pod)]));
    for (const answer of asked.values()) answer.catch(() => undefined);
    known = await readyIstiods(cluster, istioNamespace, options);
    const read = await Promise.all(known.map((pod) => asked.get(pod) ?? ask(pod)));
    return read.flat();
  };
}

/** Whether the proxy has taken all that it was sent. */
export function isSynced({ sent, acked, rejected }: ProxySync): boolean {
  return rejected === null && kinds.every((kind) => sent[kind] === acked[kind]);
}

interface Syncz {
  readonly cluster_id?: string;
  readonly proxy?: string;
  readonly proxy_type?: string;
  readonly cluster_sent?: string;
  readonly cluster_acked?: string;
  readonly listener_sent?: string;
  readonly listener_acked?: string;
  readonly route_sent?: string;
  readonly route_acked?: string;
  readonly endpoint_sent?: string;
  readonly endpoint_acked?: string;
  readonly resources?: Readonly<Record<string, { readonly lastError?: string }>>;
}

/** The answer of `/debug/syncz`, as pilot/pkg/xds/debug.go writes it (Istio 1.31). */
export function parseSyncStatus(body: string, istiod: string): readonly ProxySync[] {
  const proxies = (JSON.parse(body) ?? []) as readonly Syncz[];
  return proxies.flatMap((proxy) => {
    const id = proxy.proxy ?? '';
    const dot = id.lastIndexOf('.');
    if (dot === -1) return []; // a ztunnel or another client without configuration of its own
    return {
      id,
      name: id.slice(0, dot),
      namespace: id.slice(dot + 1),
      cluster: proxy.cluster_id ?? '',
      type: proxy.proxy_type ?? '',
      istiod,
      sent: {
        clusters: proxy.cluster_sent ?? '',
        endpoints: proxy.endpoint_sent ?? '',
        listeners: proxy.listener_sent ?? '',
        routes: proxy.route_sent ?? '',
      },
      acked: {
        clusters: proxy.cluster_acked ?? '',
        endpoints: proxy.endpoint_acked ?? '',
        listeners: proxy.listener_acked ?? '',
        routes: proxy.route_acked ?? '',
      },
      rejected: Object.values(proxy.resources ?? {}).find(({ lastError }) => lastError)?.lastError ?? null,
    };
  });
}

async function readyIstiods(cluster: KubeReader, namespace: string, options: SyncOptions): Promise<string[]> {
  const labelSelector = `app=istiod${options.revision === undefined ? '' : `,istio.io/rev=${options.revision}`}`;
  const pods = await cluster.list(
    { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector },
    options.signal,
  );
  const ready = pods.filter(isReady).map((pod) => pod.metadata.name);
  if (ready.length > 0) return ready;
  const revision = options.revision === undefined ? '' : ` of revision ${options.revision}`;
  throw new MeshliftError('cluster-refused', {
    where: `istiod in ${cluster.cluster}`,
    why: `none of its ${pods.length} pods${revision} in ${namespace} is ready, so nobody knows what the proxies have`,
    next: `see why: kubectl -n ${namespace} describe pods -l ${labelSelector}`,
  });
}

function isReady(pod: KubeObject): boolean {
  const { conditions = [] } =
    (pod as { status?: { conditions?: { type: string; status: string }[] } }).status ?? {};
  return (
    pod.metadata.deletionTimestamp === undefined &&
    conditions.some((c) => c.type === 'Ready' && c.status === 'True')
  );
}
