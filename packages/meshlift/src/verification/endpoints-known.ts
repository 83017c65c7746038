import { type Look, until } from '../effects/clock/until.ts';
import { endpointsOf, type ProxyEndpoint, readProxyEndpoints } from '../effects/istiod/proxy-config.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
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

/** Waits until every sidecar of a member has the endpoints that are wanted: a route must never lead where nobody is. */
export async function untilEndpointsKnown(
  context: EngineContext,
  member: MemberCluster,
  wanted: EndpointsWanted,
): Promise<{ readonly proxies: number }> {
  const { clock, migration, signal } = context;
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
      const proxies = await sidecarsOf(context, member);
      const problems = await Promise.all(
        proxies.map(async ({ namespace, pod }) => {
          try {
            const endpoints = await readProxyEndpoints(member.kube, { namespace, pod }, signal);
            const problems = portsOf(migration).flatMap(({ port }) => {
              const problem = wanted.problem(endpointsOf(endpoints, { host: wanted.host, port }));
              return problem ? [`${namespace}/${pod}, port ${port}: ${problem}`] : [];
            });
            return problems[0] ?? null;
          } catch (error) {
            signal.throwIfAborted();
            if (isMeshliftError(error)) return `${namespace}/${pod}: ${error.why}`;
            throw error;
          }
        }),
      );
      const problem = problems.find((it) => it !== null);
      return problem === undefined || problem === null
        ? { ready: true, value: { proxies: proxies.length } }
        : { ready: false, why: problem };
    },
  );
}
