import {
  type PodName,
  type ProxyRoute,
  type ProxyTcpRoute,
  readProxyRoutes,
  readProxyTcpRoutes,
  routesTo,
} from '../effects/istiod/proxy-config.ts';
import type { TypeNonces } from '../effects/istiod/sync-status.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { ownHosts, routeName, serviceHost, sideOfHost } from '../mesh/names.ts';
import { reservedAddress } from '../mesh/reserved-address.ts';
import type { TrafficSplit } from '../migration/traffic-split.ts';
import { type Migration, portsOf } from '../spec/migration.ts';

/** In which kind of configuration proxies have the split: TCP has no routes, its weights are in the listeners. */
export function splitCarrier(migration: Migration): keyof TypeNonces {
  return migration.spec.service.protocol === 'tcp' ? 'listeners' : 'routes';
}

/** The routes that a proxy has for the service now, in match order; empty when it does not call it. */
export async function readServiceRoutes(
  { migration, signal }: EngineContext,
  { kube }: MemberCluster,
  pod: PodName,
): Promise<readonly ProxyRoute[]> {
  if (migration.spec.service.protocol === 'tcp')
    return tcpRoutesTo(migration, await readProxyTcpRoutes(kube, pod, signal));
  const routes = await readProxyRoutes(kube, pod, signal);
  const host = serviceHost(migration);
  return portsOf(migration).flatMap(({ port }) => routesTo(routes, { host, port }));
}

/** The side hosts have listeners at addresses of their own; any other that leads to them, or to the service, is its name's. */
export function tcpRoutesTo(migration: Migration, routes: readonly ProxyTcpRoute[]): readonly ProxyRoute[] {
  const ports = new Set(portsOf(migration).map(({ port }) => port));
  const own = ownHosts(migration);
  const reserved = new Set([...own].map(reservedAddress));
  const hosts = new Set([...own, serviceHost(migration)]);
  return routes
    .filter(
      ({ address, destinations }) =>
        !reserved.has(address) && destinations.some((it) => hosts.has(it.host) && ports.has(it.port)),
    )
    .map(({ address, destinations }) => ({
      name: '',
      config: address,
      domains: [],
      headers: [],
      destinations,
      retryOn: null,
    }));
}

/** Whether routes are those of one write: by the write's number, which TCP has no place for, or else by the weights. */
export function areOfWrite(
  migration: Migration,
  routes: readonly ProxyRoute[],
  generation: number,
  split: TrafficSplit,
): boolean {
  if (migration.spec.service.protocol !== 'tcp') {
    // A proxy that calls one port alone has routes for that one: of each port that it has, the write's must be there.
    const written = routes.filter(({ name }) => name === routeName(generation));
    const portsIn = (some: readonly ProxyRoute[]) =>
      new Set(some.flatMap(({ destinations }) => destinations.map(({ port }) => port)));
    return written.length > 0 && portsIn(routes).size === portsIn(written).size;
  }
  return routes.every(({ destinations }) => {
    const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
    const k8s = destinations
      .filter(({ host }) => sideOfHost(migration, host) === 'k8s')
      .reduce((sum, { weight }) => sum + weight, 0);
    return destinations.every(({ host }) => sideOfHost(migration, host)) && 100 * k8s === split.k8s * total;
  });
}
