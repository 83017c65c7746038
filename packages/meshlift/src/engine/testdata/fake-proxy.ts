import type { FakeClock } from '../../effects/clock/fake.ts';
import { reservedAddress } from '../../mesh/reserved-address.ts';
import type { Side } from '../../migration/traffic-split.ts';

export interface Endpoint {
  readonly address: string;
  readonly side: Side;
  readonly healthy: boolean;
  readonly priority: number;
}

/** What istiod sends: where requests to the service go, and who is behind each host. */
export interface ProxyConfig {
  readonly routes: readonly ProxyRoute[];
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
}

export interface ProxyRoute {
  readonly name: string;
  /** names of the headers that a request must have for this route; customers send none */
  readonly headers: readonly string[];
  /** where a second one of each request goes, its answer unheard */
  readonly mirrors?: readonly { readonly host: string; readonly percent: number }[];
  readonly destinations: readonly { readonly host: string; readonly weight: number }[];
}

/** How a request to an endpoint of a side ends now: answered, failed by the program itself, or nobody is there. */
export type Answers = (side: Side, address: string) => 'answered' | 'error' | 'dead';

/** What a workload's Sidecar leaves out: istiod tells its proxy nothing of it. */
export type LeftOut = 'nothing' | 'this service' | 'every service';

interface Outcome {
  readonly host: string;
  readonly side: Side | null;
  readonly grpcStatus: number;
  readonly flags: string;
}

/**
 * A calling proxy: sends a steady stream of requests by the configuration it has, fails over as the safety net lets
 * it, and counts what happened as Istio's proxies do.
 */
export class FakeProxy {
  readonly name: string;
  readonly namespace = 'default';
  readonly type: 'sidecar' | 'router';
  /** requests per second */
  readonly rate: number;
  /** how long it takes to put in force what it was sent, milliseconds; Infinity: it never does */
  lagMs: number;
  /** whether it carries the service's connections as they are, without looking into them */
  readonly tcp: boolean;
  leftOut: LeftOut = 'nothing';
  config: ProxyConfig = { routes: [], endpoints: new Map() };
  sent = { routes: 0, endpoints: 0 };
  acked = { routes: 0, endpoints: 0 };
  /** requests that got no answer, though an answer had been had before */
  lost = 0;
  answered = 0;
  /** how the mirrored requests were answered */
  readonly mirrored = { succeeded: 0, errors: 0 };
  /** streams that this caller has under way on each side */
  readonly streams: Record<Side, number> = { vm: 0, k8s: 0 };
  readonly #clock: FakeClock;
  readonly #counts = new Map<string, { outcome: Outcome; count: number }>();
  readonly #credit = new Map<string, number>();
  #flowedUntil: number;
  #due = 0;
  #mirrorDue = 0;

  constructor(
    name: string,
    type: 'sidecar' | 'router',
    rate: number,
    lagMs: number,
    clock: FakeClock,
    tcp = false,
  ) {
    this.tcp = tcp;
    this.name = name;
    this.type = type;
    this.rate = rate;
    this.lagMs = lagMs;
    this.#clock = clock;
    this.#flowedUntil = clock.now();
  }

  /** the route that customers' requests take */
  get routeTaken(): ProxyRoute | undefined {
    return this.config.routes.find(({ headers }) => headers.length === 0);
  }

  /** Sends the requests of the time since the last call. */
  flow(answers: Answers): void {
    const now = this.#clock.now();
    this.#due += (this.rate * (now - this.#flowedUntil)) / 1_000;
    this.#flowedUntil = now;
    for (; this.#due >= 1; this.#due -= 1) this.#send(answers);
  }

  #send(answers: Answers): void {
    const route = this.routeTaken;
    if (!route) return;
    for (const { host, percent } of route.mirrors ?? []) this.#mirror(host, percent, answers);
    const host = this.#pick(route);
    const endpoints = (this.config.endpoints.get(host) ?? []).filter(({ healthy }) => healthy);
    const inOrder = endpoints.toSorted((a, b) => a.priority - b.priority);
    // Connection failures are retried on what the net holds besides; a program's own errors are answers.
    const taken = inOrder.find(({ side, address }) => answers(side, address) !== 'dead');
    if (!taken) {
      if (this.answered > 0) this.lost += 1;
      this.#count({ host, side: null, grpcStatus: 14, flags: inOrder.length === 0 ? 'UH' : 'UF,URX' });
      return;
    }
    this.answered += 1;
    this.#count({ host, side: taken.side, grpcStatus: answers(taken.side, taken.address) === 'error' ? 13 : 0, flags: '-' });
  }

  /** Mirrored requests pass no filter that counts: only the endpoint's own counters have them. */
  #mirror(host: string, percent: number, answers: Answers): void {
    this.#mirrorDue += percent / 100;
    if (this.#mirrorDue < 1) return;
    this.#mirrorDue -= 1;
    const [endpoint] = this.config.endpoints.get(host) ?? [];
    const good = endpoint !== undefined && answers(endpoint.side, endpoint.address) === 'answered';
    this.mirrored[good ? 'succeeded' : 'errors'] += 1;
  }

  /** Weighted, evenly: over a hundred requests each host gets exactly its weight. */
  #pick(route: ProxyRoute): string {
    for (const { host, weight } of route.destinations)
      this.#credit.set(host, (this.#credit.get(host) ?? 0) + weight / 100);
    const [next] = route.destinations
      .filter(({ weight }) => weight > 0)
      .toSorted((a, b) => (this.#credit.get(b.host) ?? 0) - (this.#credit.get(a.host) ?? 0));
    const host = next?.host ?? '';
    this.#credit.set(host, (this.#credit.get(host) ?? 0) - 1);
    return host;
  }

  #count(outcome: Outcome): void {
    const key = [outcome.host, outcome.side, outcome.grpcStatus, outcome.flags].join('|');
    const entry = this.#counts.get(key) ?? { outcome, count: 0 };
    entry.count += 1;
    this.#counts.set(key, entry);
  }

  /** Prometheus text as Istio's proxies write it. */
  stats(): string {
    return this.tcp ? this.#tcpStats() : this.#requestStats();
  }

  /** Every connection is here twice, once begun and once ended, as Istio counts them. */
  #tcpStats(): string {
    return [...this.#counts.values()]
      .map(({ outcome, count }) => {
        const workload = outcome.side === 'vm' ? 'productcatalogservice-vm' : (outcome.side ?? 'unknown');
        const labels = `reporter="source",destination_service="${outcome.host}",destination_workload="${workload}",response_flags="${outcome.flags}"`;
        const name = (end: string) => `istio_tcp_connections_${end}_total{${labels}} ${count}`;
        return `${name('opened')}\n${name('closed')}`;
      })
      .join('\n');
  }

  #requestStats(): string {
    return [...this.#counts.values()]
      .map(({ outcome, count }) => {
        const workload =
          outcome.side === null
            ? 'unknown'
            : outcome.side === 'vm'
              ? 'productcatalogservice-vm'
              : 'productcatalogservice';
        const labels = [
          'reporter="source"',
          `destination_service="${outcome.host}"`,
          `destination_workload="${workload}"`,
          'destination_workload_namespace="default"',
          'response_code="200"',
          `grpc_response_status="${outcome.grpcStatus}"`,
          `response_flags="${outcome.flags}"`,
        ].join(',');
        const buckets = [
          [5, 0.6],
          [10, 0.95],
          [50, 1],
        ] as const;
        return [
          `istio_requests_total{${labels}} ${count}`,
          ...buckets.map(
            ([le, share]) =>
              `istio_request_duration_milliseconds_bucket{${labels},le="${le}"} ${Math.round(share * count)}`,
          ),
          `istio_request_duration_milliseconds_bucket{${labels},le="+Inf"} ${count}`,
          `istio_request_duration_milliseconds_sum{${labels}} ${5 * count}`,
        ].join('\n');
      })
      .join('\n');
  }

  configDump(domains: readonly string[], port: number): string {
    const routes = this.config.routes.map(({ name, headers, destinations }) => ({
      name,
      match: { prefix: '/', headers: headers.map((it) => ({ name: it })) },
      route: {
        weighted_clusters: {
          clusters: destinations.map(({ host, weight }) => ({ name: `outbound|${port}||${host}`, weight })),
        },
      },
    }));
    const virtualHosts = routes.length === 0 ? [] : [{ name: 'service', domains, routes }];
    return JSON.stringify({
      configs: [{ route_config: { name: String(port), virtual_hosts: virtualHosts } }],
    });
  }

  /** The service's own listener with its weights, and one for each host with an address of its own. */
  listenerDump(port: number): string {
    const listener = (address: string, choice: object) => ({
      active_state: {
        listener: {
          address: { socket_address: { address, port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                    ...choice,
                  },
                },
              ],
            },
          ],
        },
      },
    });
    const named = (host: string) => `outbound|${port}||${host}`;
    const split = this.config.routes.map(({ destinations }) =>
      listener('10.121.0.9', {
        weighted_clusters: {
          // What gets nothing is left out.
          clusters: destinations
            .filter(({ weight }) => weight > 0)
            .map(({ host, weight }) => ({ name: named(host), weight })),
        },
      }),
    );
    const own = [...this.config.endpoints.keys()]
      .filter((host) => host.endsWith('.side') || host.endsWith('.alone'))
      .map((host) => listener(reservedAddress(host), { cluster: named(host) }));
    return JSON.stringify({ configs: [...split, ...own] });
  }

  clusters(port: number): string {
    return JSON.stringify({
      cluster_statuses: [...this.config.endpoints].map(([host, endpoints]) => ({
        name: `outbound|${port}||${host}`,
        host_statuses: endpoints.map(({ address, side, healthy, priority }) => ({
          address: {
            socket_address: { address: address.split(':')[0], port_value: Number(address.split(':')[1]) },
          },
          health_status: { eds_health_status: healthy ? 'HEALTHY' : 'UNHEALTHY' },
          priority,
          weight: 1,
          // A stream runs on the side that it was sent to; Envoy leaves out what is zero.
          stats: host.endsWith('.alone')
            ? side === 'k8s'
              ? [
                  { name: 'rq_success', value: String(this.mirrored.succeeded) },
                  { name: 'rq_error', value: String(this.mirrored.errors) },
                ]
              : []
            : host.endsWith('.side') && priority === 0 && this.streams[side] > 0
              ? [{ name: 'rq_active', value: String(this.streams[side]) }]
              : [],
        })),
      })),
    });
  }
}
