import type { ProxyRoute } from '../effects/istiod/proxy-config.ts';
import {
  type ProxySync,
  readSyncStatus,
  syncStatus,
  type TypeNonces,
} from '../effects/istiod/sync-status.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { readServiceRoutes, splitCarrier } from './service-routes.ts';

const lookEveryMs = 40;
/** istiod gathers changes for 100 ms before it pushes; a proxy that was sent nothing well after that may not be concerned. */
const quietMs = 500;
const readsAtOnce = 16;

export interface Served {
  /** from the write to the last proxy's acknowledgement, in milliseconds */
  readonly acknowledgedMs: number;
  /** when the last proxy's acknowledgement was seen, ms since the epoch */
  readonly at: number;
  readonly proxies: {
    readonly acknowledged: number;
    readonly total: number;
    readonly slowest: string | null;
  };
}

/** How a member's proxies stood before a write. */
export interface SyncBaseline {
  /** what istiod had sent to each: without it, the old state reads as synced */
  readonly proxies: ReadonlyMap<string, ProxySync>;
  /** reads once more how they stand */
  readonly readAgain: () => Promise<readonly ProxySync[]>;
}

export async function syncBaseline(context: EngineContext, member: MemberCluster): Promise<SyncBaseline> {
  const readAgain = syncStatus(member.kube, {
    istioNamespace: context.migration.spec.istio.namespace,
    signal: context.signal,
  });
  const proxies = await readAgain();
  return { proxies: new Map(proxies.map((proxy) => [proxy.id, proxy])), readAgain };
}

/** Ids of proxies by whether they have a route to the service; who is in neither may be about to have one. */
interface Concerned {
  readonly callers: ReadonlySet<string>;
  /** also VMs: a write does not concern them, and nothing will be sent to them */
  readonly others: ReadonlySet<string>;
}

/**
 * A sidecar that has not taken all of its routes yet may be about to have one to the service. Asked while istiod gathers
 * changes, when there is time.
 */
async function concernedAmong(
  context: EngineContext,
  member: MemberCluster,
  proxies: readonly ProxySync[],
): Promise<Concerned> {
  const carrier = splitCarrier(context.migration);
  const running = { apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Running' };
  const isWhole = ({ type, sent, acked }: ProxySync) =>
    type !== 'sidecar' || (sent[carrier] !== '' && sent[carrier] === acked[carrier]);
  const [pods, asked] = await Promise.all([
    member.kube.list(running, context.signal),
    inspect(
      context,
      member,
      proxies.filter((proxy) => isWhole(proxy) && !hasNoRoutes(proxy, carrier)),
    ),
  ]);
  const names = new Set(pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const gone = proxies.filter(({ namespace, name }) => !names.has(`${namespace}/${name}`));
  const idle = asked.filter(({ answer }) => typeof answer === 'string').map(({ proxy }) => proxy);
  const others = new Set([...gone, ...idle].map(({ id }) => id));
  const callers = asked.map(({ proxy }) => proxy.id).filter((id) => !others.has(id));
  return { callers: new Set(callers), others };
}

export interface ServingSoFar {
  readonly serving: number;
  /** those that are known to call the service */
  readonly total: number;
  /** of which nobody knows yet whether they call it */
  readonly undecided: number;
  readonly slowest: string;
}

export interface RoutesWanted {
  /** for messages: `split vm 80 % · k8s 20 %` */
  readonly what: string;
  /** of the routes that a proxy has for the service, in match order: are they the ones that were written? */
  readonly served: (routes: readonly ProxyRoute[]) => boolean;
  readonly writtenAt: number;
  readonly deadlineMs: number;
  readonly progress?: (soFar: ServingSoFar) => void;
  /** called when istiod says that every proxy took what it was sent; again if that turns out to have been something else */
  readonly acknowledged?: () => void;
}

/**
 * Waits until every calling proxy of a member serves what was written: istiod sent it a new configuration, the
 * proxy acknowledged exactly that one, and its own configuration says what was wanted. Proxies without a route to the
 * service (gateways, and workloads whose Sidecar leaves it out) are not callers; nor are those without any route, once
 * another proxy of the same istiod proves that it has pushed what was written. `timed-out` names those missing.
 */
export async function untilRoutesServed(
  context: EngineContext,
  member: MemberCluster,
  before: SyncBaseline,
  wanted: RoutesWanted,
): Promise<Served> {
  const { clock, signal } = context;
  const carrier = splitCarrier(context.migration);
  const serving = new Set<string>();
  const acknowledgedAt = new Map<string, number>();
  /** by proxy: what it was sent before what was written, as far as that is known */
  const earlier = new Map([...before.proxies].map(([id, { sent }]) => [id, sent[carrier]]));
  const unconcerned = new Set<string>();
  const calling = new Set<string>();
  const { callers, others } = await concernedAmong(context, member, [...before.proxies.values()]);
  for (;;) {
    const read = await before.readAgain();
    const proxies = read.filter(({ id }) => !unconcerned.has(id) && !others.has(id));
    const seenAt = clock.now();
    const missing = proxies.filter((proxy) => !serving.has(proxy.id));
    const routed = missing.filter((proxy) => !hasNoRoutes(proxy, carrier));
    const acknowledged = routed.filter(
      (proxy) =>
        earlier.get(proxy.id) !== proxy.sent[carrier] && proxy.sent[carrier] === proxy.acked[carrier],
    );
    for (const { id } of acknowledged) acknowledgedAt.set(id, acknowledgedAt.get(id) ?? seenAt);

    // Reading configurations takes longer than reading the sync status: it waits until there is nothing else to time.
    const all = acknowledged.length === routed.length && (routed.length > 0 || missing.length === 0);
    if (all) wanted.acknowledged?.();
    const quiet = seenAt - wanted.writtenAt > quietMs;
    for (const { proxy, answer } of await inspect(
      context,
      member,
      all ? acknowledged : quiet ? missing : [],
    )) {
      if (answer === 'no-route' || answer === 'not-a-pod') {
        unconcerned.add(proxy.id);
      } else if (wanted.served(answer)) {
        serving.add(proxy.id);
        if (!acknowledgedAt.has(proxy.id)) acknowledgedAt.set(proxy.id, seenAt);
      } else {
        // What it acknowledged was another change: the next one counts.
        calling.add(proxy.id);
        acknowledgedAt.delete(proxy.id);
        earlier.set(proxy.id, proxy.sent[carrier]);
      }
    }
    const pushed = new Set(proxies.filter(({ id }) => serving.has(id)).map(({ istiod }) => istiod));
    const left = missing.filter(
      (proxy) =>
        !serving.has(proxy.id) &&
        !unconcerned.has(proxy.id) &&
        !(hasNoRoutes(proxy, carrier) && pushed.has(proxy.istiod)),
    );
    const total = serving.size + left.length;
    if (left.length === 0) {
      const [slowest = null, at = seenAt] = lastOf(serving, acknowledgedAt);
      return {
        acknowledgedMs: at - wanted.writtenAt,
        at,
        proxies: { acknowledged: serving.size, total, slowest },
      };
    }
    const names = left.map((proxy) => proxy.id);
    const missed = left.filter(({ id }) => callers.has(id) || calling.has(id));
    wanted.progress?.({
      serving: serving.size,
      total: serving.size + missed.length,
      undecided: left.length - missed.length,
      slowest: (missed[0] ?? left[0])?.id ?? '',
    });
    if (clock.now() - wanted.writtenAt > wanted.deadlineMs) {
      throw new MeshliftError('timed-out', {
        where: `${wanted.what} in ${member.name}`,
        why: `${left.length} of ${total} proxies do not serve it yet: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
        next: `istioctl --context ${member.member.context} proxy-status`,
      });
    }
    await clock.wait(lookEveryMs, signal);
  }
}

/**
 * A proxy that took its listeners and asked for no routes: its workload calls nobody by HTTP, or it is a gateway that passes
 * connections on as they are. Should it ask for some later, its istiod gives it what it has by then.
 */
function hasNoRoutes({ sent, acked }: ProxySync, carrier: keyof TypeNonces): boolean {
  const tookListeners = sent.listeners !== '' && sent.listeners === acked.listeners;
  return carrier === 'routes' && sent.routes === '' && tookListeners;
}

function lastOf(
  serving: ReadonlySet<string>,
  times: ReadonlyMap<string, number>,
): readonly [string, number] | [] {
  return [...times].filter(([id]) => serving.has(id)).sort(([, a], [, b]) => b - a)[0] ?? [];
}

type Answer = readonly ProxyRoute[] | 'no-route' | 'not-a-pod';

/** Reads proxies' own configuration: the only proof that needs no knowledge of what istiod sent before. */
export async function inspect(
  context: EngineContext,
  member: MemberCluster,
  proxies: readonly ProxySync[],
): Promise<readonly { readonly proxy: ProxySync; readonly answer: Answer }[]> {
  const answers: { proxy: ProxySync; answer: Answer }[] = [];
  for (let i = 0; i < proxies.length; i += readsAtOnce) {
    answers.push(
      ...(await Promise.all(
        proxies
          .slice(i, i + readsAtOnce)
          .map(async (proxy) => ({ proxy, answer: await routesOf(context, member, proxy) })),
      )),
    );
  }
  return answers;
}

async function routesOf(context: EngineContext, member: MemberCluster, proxy: ProxySync): Promise<Answer> {
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: proxy.namespace, name: proxy.name };
  try {
    const routes = await readServiceRoutes(context, member, {
      namespace: proxy.namespace,
      pod: proxy.name,
    });
    return routes.length === 0 ? 'no-route' : routes;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMeshliftError(error)) throw error;
    // A VM's proxy is connected to istiod but has no pod; a pod may also have ended meanwhile. Neither calls from here.
    const found = await member.kube.get(pod, context.signal);
    if (!found || (found.status as { phase?: string } | undefined)?.phase !== 'Running') return 'not-a-pod';
    throw error;
  }
}

export async function readSync(context: EngineContext, member: MemberCluster): Promise<readonly ProxySync[]> {
  return readSyncStatus(member.kube, {
    istioNamespace: context.migration.spec.istio.namespace,
    signal: context.signal,
  });
}
