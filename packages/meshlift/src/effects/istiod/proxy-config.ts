import { envoyCluster } from '../../metrics/envoy-cluster.ts';
import type { KubeReader } from '../kube/port.ts';

export interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

export interface ServiceAddress {
  /** fully qualified */
  readonly host: string;
  readonly port: number;
}

/** One route of a proxy: what it does with requests to some domains. */
export interface ProxyRoute {
  /** as its writer named it; empty when it has no name */
  readonly name: string;
  /** the Envoy route configuration that holds it, such as `3550` */
  readonly config: string;
  readonly domains: readonly string[];
  /** names of the headers that a request must match for this route */
  readonly headers: readonly string[];
  readonly destinations: readonly RouteDestination[];
  readonly retryOn: string | null;
}

export interface RouteDestination extends ServiceAddress {
  readonly envoyCluster: string;
  readonly subset: string;
  /** as Envoy has it; 100 for a route with one destination */
  readonly weight: number;
}

/** One address that a proxy may send a service's requests to. */
export interface ProxyEndpoint extends ServiceAddress {
  readonly envoyCluster: string;
  readonly subset: string;
  /** `ip:port` */
  readonly address: string;
  /** reported healthy by the control plane and not ejected by the proxy itself */
  readonly healthy: boolean;
  /** 0 is tried first; the safety net's own endpoints have a higher number */
  readonly priority: number;
  readonly weight: number;
  /** requests and streams that run now */
  readonly activeRequests: number;
  /** connections that are open now, used or not */
  readonly activeConnections: number;
  /** requests that ended well since the endpoint became known, and those that did not: 5xx, gRPC's like, or no answer */
  readonly succeeded: number;
  readonly errors: number;
}

const adminPort = 15000;

/** The routes that a proxy serves now, in match order within each domain. */
export async function readProxyRoutes(
  cluster: KubeReader,
  { namespace, pod }: PodName,
  signal?: AbortSignal,
): Promise<readonly ProxyRoute[]> {
  const path = '/config_dump?resource=dynamic_route_configs';
  return parseRoutes(await cluster.forwardedGet({ namespace, pod, port: adminPort }, path, signal));
}

/** Where a proxy sends TCP connections now, one for each filter chain of each listener. */
export interface ProxyTcpRoute {
  /** the address that a caller connects to, without the port */
  readonly address: string;
  readonly destinations: readonly RouteDestination[];
}

export async function readProxyTcpRoutes(
  cluster: KubeReader,
  { namespace, pod }: PodName,
  signal?: AbortSignal,
): Promise<readonly ProxyTcpRoute[]> {
  const path = '/config_dump?resource=dynamic_listeners';
  return parseTcpRoutes(await cluster.forwardedGet({ namespace, pod, port: adminPort }, path, signal));
}

/** What a proxy may send requests to now. */
export interface ProxyKnowledge {
  /** those that it knows, with endpoints or without: istiod tells a proxy nothing of what it may not or need not see */
  readonly hosts: ReadonlySet<string>;
  readonly endpoints: readonly ProxyEndpoint[];
}

export async function readProxyKnowledge(
  cluster: KubeReader,
  { namespace, pod }: PodName,
  signal?: AbortSignal,
): Promise<ProxyKnowledge> {
  const path = '/clusters?format=json';
  const page = await cluster.forwardedGet({ namespace, pod, port: adminPort }, path, signal);
  return { hosts: parseHosts(page), endpoints: parseEndpoints(page) };
}

/** The endpoints that a proxy knows of every service now. */
export async function readProxyEndpoints(
  cluster: KubeReader,
  proxy: PodName,
  signal?: AbortSignal,
): Promise<readonly ProxyEndpoint[]> {
  return (await readProxyKnowledge(cluster, proxy, signal)).endpoints;
}

/** The routes that a request to this service may take, in match order. */
export function routesTo(
  routes: readonly ProxyRoute[],
  { host, port }: ServiceAddress,
): readonly ProxyRoute[] {
  return routes.filter(({ domains }) => domains.includes(host) || domains.includes(`${host}:${port}`));
}

export function endpointsOf(
  endpoints: readonly ProxyEndpoint[],
  { host, port }: ServiceAddress,
): readonly ProxyEndpoint[] {
  return endpoints.filter((endpoint) => endpoint.host === host && endpoint.port === port);
}

interface ConfigDump {
  readonly configs?: readonly {
    readonly route_config?: {
      readonly name?: string;
      readonly virtual_hosts?: readonly {
        readonly domains?: readonly string[];
        readonly routes?: readonly EnvoyRoute[];
      }[];
    };
  }[];
}

interface EnvoyRoute {
  readonly name?: string;
  readonly match?: { readonly headers?: readonly { readonly name: string }[] };
  readonly route?: ClusterChoice & { readonly retry_policy?: { readonly retry_on?: string } };
}

export function parseRoutes(configDump: string): readonly ProxyRoute[] {
  const { configs = [] } = JSON.parse(configDump) as ConfigDump;
  return configs.flatMap(({ route_config: config }) =>
    (config?.virtual_hosts ?? []).flatMap(({ domains = [], routes = [] }) =>
      routes.map((route) => ({
        name: route.name ?? '',
        config: config?.name ?? '',
        domains,
        headers: (route.match?.headers ?? []).map(({ name }) => name),
        destinations: destinationsOf(route.route),
        retryOn: route.route?.retry_policy?.retry_on ?? null,
      })),
    ),
  );
}

interface ListenerDump {
  readonly configs?: readonly {
    readonly active_state?: {
      readonly listener?: {
        readonly address?: { readonly socket_address?: { readonly address: string } };
        readonly filter_chains?: readonly FilterChain[];
        readonly default_filter_chain?: FilterChain;
      };
    };
  }[];
}

interface FilterChain {
  readonly filters?: readonly { readonly typed_config?: { readonly '@type'?: string } & ClusterChoice }[];
}

interface ClusterChoice {
  readonly cluster?: string;
  readonly weighted_clusters?: {
    readonly clusters: readonly { readonly name: string; readonly weight?: number }[];
  };
}

export function parseTcpRoutes(configDump: string): readonly ProxyTcpRoute[] {
  const { configs = [] } = JSON.parse(configDump) as ListenerDump;
  return configs.flatMap(({ active_state: state }) => {
    const listener = state?.listener;
    const chains = [...(listener?.filter_chains ?? []), listener?.default_filter_chain ?? {}];
    return chains
      .flatMap(({ filters = [] }) => filters)
      .filter((filter) => filter.typed_config?.['@type']?.endsWith('.TcpProxy'))
      .map(({ typed_config: config }) => ({
        address: listener?.address?.socket_address?.address ?? '',
        destinations: destinationsOf(config),
      }))
      .filter(({ destinations }) => destinations.length > 0);
  });
}

function destinationsOf(route: ClusterChoice | undefined): readonly RouteDestination[] {
  const clusters =
    route?.weighted_clusters?.clusters ?? (route?.cluster ? [{ name: route.cluster, weight: 100 }] : []);
  return clusters.flatMap(({ name, weight = 0 }) => {
    const service = envoyCluster(name);
    return service === null ? [] : [{ ...service, envoyCluster: name, weight }]; // not a service: pass-through, black hole
  });
}

/** What runs now on the inbound side of a proxy, for one port of its workload. */
export interface InboundActivity {
  readonly activeRequests: number;
  readonly activeConnections: number;
}

/** Reads a proxy's `/clusters?format=json` as the callee. */
export function inboundActivity(clustersPage: string, ports: readonly number[]): InboundActivity {
  const { cluster_statuses: clusters = [] } = JSON.parse(clustersPage) as ClustersPage;
  const hosts = clusters
    .filter(({ name }) => ports.some((port) => name.startsWith(`inbound|${port}|`)))
    .flatMap(({ host_statuses: statuses = [] }) => statuses);
  const total = (name: string) => hosts.reduce((sum, host) => sum + gauge(host, name), 0);
  return { activeRequests: total('rq_active'), activeConnections: total('cx_active') };
}

interface ClustersPage {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly HostStatus[];
  }[];
}

interface HostStatus {
  readonly address?: { readonly socket_address?: { readonly address: string; readonly port_value?: number } };
  readonly health_status?: Readonly<Record<string, unknown>> & { readonly eds_health_status?: string };
  readonly priority?: number;
  readonly weight?: number;
  /** a value of zero is left out */
  readonly stats?: readonly { readonly name: string; readonly value?: string }[];
}

export function parseHosts(clustersPage: string): ReadonlySet<string> {
  const { cluster_statuses: clusters = [] } = JSON.parse(clustersPage) as ClustersPage;
  return new Set(clusters.flatMap(({ name }) => envoyCluster(name)?.host ?? []));
}

export function parseEndpoints(clustersPage: string): readonly ProxyEndpoint[] {
  const { cluster_statuses: clusters = [] } = JSON.parse(clustersPage) as ClustersPage;
  return clusters.flatMap(({ name, host_statuses: hosts = [] }) => {
    const service = envoyCluster(name);
    if (service === null) return [];
    return hosts.flatMap((host) => {
      const socket = host.address?.socket_address;
      if (socket === undefined) return []; // an address within the proxy itself
      return {
        ...service,
        envoyCluster: name,
        address: `${socket.address.includes(':') ? `[${socket.address}]` : socket.address}:${socket.port_value ?? 0}`,
        healthy: isHealthy(host),
        priority: host.priority ?? 0,
        weight: host.weight ?? 0,
        activeRequests: gauge(host, 'rq_active'),
        activeConnections: gauge(host, 'cx_active'),
        succeeded: gauge(host, 'rq_success'),
        errors: gauge(host, 'rq_error'),
      };
    });
  });
}

/** Envoy lists a flag for each reason against a host: `failed_outlier_check`, `pending_dynamic_removal` and others. */
function isHealthy({ health_status: health = {} }: HostStatus): boolean {
  const { eds_health_status: told = 'HEALTHY', ...flags } = health;
  return (told === 'HEALTHY' || told === 'UNKNOWN') && Object.values(flags).every((flag) => flag !== true);
}

function gauge({ stats = [] }: HostStatus, name: string): number {
  return Number(stats.find((stat) => stat.name === name)?.value ?? 0);
}
