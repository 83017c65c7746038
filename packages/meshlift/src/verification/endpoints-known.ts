import { type Look, until } from '../effects/clock/until.ts';
import {
  endpointsOf,
  type PodName,
  type ProxyEndpoint,
  readProxyKnowledge,
} from '../effects/istiod/proxy-config.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
import { serviceHost } from '../mesh/names.ts';
import { portsOf } from '../spec/migration.ts';
import { sidecarsOf } from './sidecars.ts';

export interface EndpointsWanted {
  /** the host whose endpoints count */
  readonly host: string;
  /** for messages: `the copy behind productcatalogservice-k8s.default.side` */
  readonly what: string;
  /** why these endpoints are not enough; null when they are */
  readonly problem: (endpoints: readonly ProxyEndpoint[]) => string | null;
  readonly deadlineMs: number;
  readonly progress?: (why: string) => void;
}

/**
 * Waits until every sidecar of a member that knows the service has the endpoints that are wanted: a route must never lead
 * where nobody is. A proxy that knows neither the service nor the side (its Sidecar leaves them out, or they are not
 * exported to it) has no such route either.
 */
export async function untilEndpointsKnown(
  context: EngineContext,
  member: MemberCluster,
  wanted: EndpointsWanted,
): Promise<{ readonly proxies: number }> {
  const { clock, signal } = context;
  const { progress } = wanted;
  return until(
    clock,
    {
      for: `${wanted.what} to be known to the proxies of ${member.name}`,
      deadlineMs: wanted.deadlineMs,
      intervalMs: 250,
      next: `istioctl --context ${member.member.context} proxy-config endpoints POD | grep ${wanted.host}`,
      signal,
      ...(progress && { progress }),
    },
    async (): Promise<Look<{ proxies: number }>> => {
      const sidecars = await sidecarsOf(context, member);
      const looks = await Promise.all(sidecars.map((pod) => lookInto(context, member, pod, wanted)));
      const concerned = looks.filter((it) => it !== 'not-concerned');
      const problem = concerned.find((it) => it !== 'known');
      return problem
        ? { ready: false, why: problem.why }
        : { ready: true, value: { proxies: concerned.length } };
    },
  );
}

async function lookInto(
  { migration, signal }: EngineContext,
  member: MemberCluster,
  proxy: PodName,
  { host, problem }: EndpointsWanted,
): Promise<'known' | 'not-concerned' | { readonly why: string }> {
  const name = `${proxy.namespace}/${proxy.pod}`;
  try {
    const { hosts, endpoints } = await readProxyKnowledge(member.kube, proxy, signal);
    if (!hosts.has(serviceHost(migration)) && !hosts.has(host)) return 'not-concerned';
    for (const { port } of portsOf(migration)) {
      const why = problem(endpointsOf(endpoints, { host, port }));
      if (why) return { why: `${name}, port ${port}: ${why}` };
    }
    return 'known';
  } catch (error) {
    signal.throwIfAborted();
    if (isMeshliftError(error)) return { why: `${name}: ${error.why}` };
    throw error;
  }
}
