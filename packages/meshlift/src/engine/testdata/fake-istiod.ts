import type { FakeClock } from '../../effects/clock/fake.ts';
import type { FakeCluster } from '../../effects/kube/fake.ts';
import type { KubeObject } from '../../effects/kube/port.ts';
import type { Side } from '../../migration/traffic-split.ts';
import type { Endpoint, FakeProxy, ProxyConfig, ProxyRoute } from './fake-proxy.ts';

const debounceMs = 100;
const port = 3550;
/** Kinds of which a change makes istiod push everything; others change endpoints alone. */
const fullPush = new Set(['VirtualService', 'DestinationRule', 'ServiceEntry', 'Service']);
const endpointPush = new Set(['WorkloadEntry', 'Pod']);

interface WrittenRule {
  readonly name?: string;
  readonly match?: readonly { readonly headers?: Readonly<Record<string, unknown>> }[];
  readonly mirrors?: readonly {
    readonly destination: { readonly host: string };
    readonly percentage: { readonly value: number };
  }[];
  readonly route: readonly { readonly destination: { readonly host: string }; readonly weight?: number }[];
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly healthy: boolean;
}

/** One cluster's control plane: turns what is stored in all clusters into what its proxies serve, a little later. */
export class FakeIstiod {
  readonly #cluster: FakeCluster;
  readonly #everyCluster: readonly FakeCluster[];
  readonly #clock: FakeClock;
  readonly #proxies: FakeProxy[] = [];
  readonly #flow: () => void;
  /** proxies that istiod serves without a pod here: VMs */
  readonly guests = new Set<string>();
  #nonce = 0;
  #pending: 'full' | 'endpoints' | null = null;

  constructor(cluster: FakeCluster, everyCluster: readonly FakeCluster[], clock: FakeClock, flow: () => void) {
    this.#cluster = cluster;
    this.#everyCluster = everyCluster;
    this.#clock = clock;
    this.#flow = flow;
    for (const it of everyCluster) {
      it.onWrite(({ object }) => {
        // Services and routes are the cluster's own; workloads are read from every cluster.
        if (endpointPush.has(object.kind)) this.#changed('endpoints');
        else if (it === cluster && fullPush.has(object.kind)) this.#changed('full');
      });
    }
  }

  connect(proxy: FakeProxy): void {
    this.#proxies.push(proxy);
    this.#push(proxy, this.#config(), 'full');
  }

  /** What a proxy missed is sent to it at once. */
  reconnect(proxy: FakeProxy): void {
    this.#push(proxy, this.#config(), 'full');
  }

  syncz(): string {
    const nonce = (n: number) => (n === 0 ? '' : `nonce-${n}`);
    const entries = this.#proxies.map((proxy) => ({
      cluster_id: this.#cluster.cluster,
      proxy: `${proxy.name}.${proxy.namespace}`,
      proxy_type: proxy.type,
      cluster_sent: 'c',
      cluster_acked: 'c',
      // Where TCP goes is in the listeners; proxies are sent no routes for it.
      listener_sent: proxy.tcp ? nonce(proxy.sent.routes) : 'l',
      listener_acked: proxy.tcp ? nonce(proxy.acked.routes) : 'l',
      route_sent: proxy.tcp ? 'r' : nonce(proxy.sent.routes),
      route_acked: proxy.tcp ? 'r' : nonce(proxy.acked.routes),
      endpoint_sent: nonce(proxy.sent.endpoints),
      endpoint_acked: nonce(proxy.acked.endpoints),
    }));
    const guests = [...this.guests].map((name) => ({
      cluster_id: this.#cluster.cluster,
      proxy: `${name}.default`,
      proxy_type: 'sidecar',
      route_sent: nonce(this.#nonce),
      route_acked: nonce(this.#nonce),
    }));
    return JSON.stringify([...entries, ...guests]);
  }

  #changed(kind: 'full' | 'endpoints'): void {
    const scheduled = this.#pending !== null;
    this.#pending = this.#pending === 'full' ? 'full' : kind;
    if (scheduled) return;
    void this.#clock.wait(debounceMs).then(() => {
      const pending = this.#pending ?? 'endpoints';
      this.#pending = null;
      const config = this.#config();
      for (const proxy of this.#proxies) this.#push(proxy, config, pending);
    });
  }

  #push(proxy: FakeProxy, config: ProxyConfig, kind: 'full' | 'endpoints'): void {
    if (proxy.leftOut !== 'nothing') {
      // What it was told once of other services stays as it is.
      proxy.sent = { routes: proxy.leftOut === 'every service' ? 0 : 1, endpoints: 1 };
      proxy.acked = proxy.sent;
      return;
    }
    this.#nonce += 1;
    const nonce = this.#nonce;
    proxy.sent = { routes: kind === 'full' ? nonce : proxy.sent.routes, endpoints: nonce };
    if (!Number.isFinite(proxy.lagMs)) return;
    void this.#clock.wait(proxy.lagMs).then(() => {
      if (!Number.isFinite(proxy.lagMs)) return;
      this.#flow();
      proxy.config = kind === 'full' ? config : { ...proxy.config, endpoints: config.endpoints };
      proxy.acked = { routes: kind === 'full' ? nonce : proxy.acked.routes, endpoints: nonce };
    });
  }

  #config(): ProxyConfig {
    const objects = this.#cluster.objects();
    const services = objects.filter(({ kind }) => kind === 'Service').filter(isMigrated);
    const sideHosts = objects.filter(({ kind }) => kind === 'ServiceEntry');
    const endpoints = new Map<string, readonly Endpoint[]>();
    for (const service of services) endpoints.set(ownHost(service), this.#podsBehind(service));
    for (const entry of sideHosts) {
      const { hosts, workloadSelector } = entry.spec as {
        hosts: string[];
        workloadSelector: { labels: Record<string, string> };
      };
      for (const host of hosts)
        endpoints.set(host, this.#selected(host, workloadSelector.labels, objects));
    }
    return { routes: this.#routes(objects, services), endpoints };
  }

  #routes(objects: readonly KubeObject[], services: readonly KubeObject[]): readonly ProxyRoute[] {
    return services.flatMap((service): readonly ProxyRoute[] => {
      const route = objects.find(
        ({ kind, spec }) =>
          kind === 'VirtualService' && (spec as { hosts: string[] }).hosts.includes(ownHost(service)),
      );
      if (!route) return [{ name: 'default', headers: [], destinations: [{ host: ownHost(service), weight: 100 }] }];
      const { http = [], tcp = [] } = route.spec as Partial<Record<'http' | 'tcp', readonly WrittenRule[]>>;
      return [...http, ...tcp].map(({ name = '', match = [], mirrors = [], route: destinations }) => ({
        name,
        headers: match.flatMap(({ headers = {} }) => Object.keys(headers)),
        mirrors: mirrors.map(({ destination, percentage }) => ({
          host: destination.host,
          percent: percentage.value,
        })),
        destinations: destinations.map(({ destination, weight = 100 }) => ({ host: destination.host, weight })),
      }));
    });
  }

  #selected(
    host: string,
    selector: Readonly<Record<string, string>>,
    objects: readonly KubeObject[],
  ): readonly Endpoint[] {
    const rule = objects.find(
      ({ kind, spec }) => kind === 'DestinationRule' && (spec as { host: string }).host === host,
    );
    const preferred = (
      rule?.spec as
        | { trafficPolicy?: { loadBalancer?: { localityLbSetting?: { failoverPriority?: string[] } } } }
        | undefined
    )?.trafficPolicy?.loadBalancer?.localityLbSetting?.failoverPriority?.[0];
    return this.#workloads()
      .filter(({ labels }) => Object.entries(selector).every(([key, value]) => labels[key] === value))
      .map(({ labels, address, healthy }) => ({
        address,
        healthy,
        side: (labels['meshlift.dev/side'] ?? 'k8s') as Side,
        priority:
          preferred === undefined || preferred === `meshlift.dev/side=${labels['meshlift.dev/side']}` ? 0 : 1,
      }));
  }

  /** WorkloadEntries of every cluster, and this cluster's own pods: those of others lose their labels on the way. */
  #workloads(): readonly Labelled[] {
    return [...this.#entries(), ...readyPods(this.#cluster)];
  }

  #entries(): readonly Labelled[] {
    return this.#everyCluster
      .flatMap((cluster) => cluster.objects())
      .filter(({ kind }) => kind === 'WorkloadEntry')
      .map((entry) => {
        const { address, labels = {}, ports = {} } = entry.spec as {
          address: string;
          labels?: Record<string, string>;
          ports?: Record<string, number>;
        };
        const { conditions = [] } = (entry.status ?? {}) as {
          conditions?: { type: string; status: string }[];
        };
        const healthy = !conditions.some((it) => it.type === 'Healthy' && it.status !== 'True');
        return { labels, address: `${address}:${Object.values(ports)[0] ?? port}`, healthy };
      });
  }

  /** Pods, and WorkloadEntries of which the labels match as those of pods. */
  #podsBehind(service: KubeObject): readonly Endpoint[] {
    const { selector } = service.spec as { selector: Record<string, string> };
    const entries = this.#entries().filter(({ labels }) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value),
    );
    const chosen = (cluster: FakeCluster) =>
      readyPods(cluster).filter(({ labels }) =>
        Object.entries(selector).every(([key, value]) => labels[key] === value),
      );
    const pods = this.#everyCluster.flatMap((cluster) =>
      chosen(cluster).map(({ address, healthy }) => ({
        address: cluster === this.#cluster ? address : '10.10.2.101:15443',
        healthy,
      })),
    );
    return [...pods, ...entries].map(({ address, healthy }) => ({
      address,
      side: 'k8s' as const,
      healthy,
      priority: 0,
    }));
  }
}

function readyPods(cluster: FakeCluster): readonly Labelled[] {
  return cluster
    .objects()
    .filter(({ kind }) => kind === 'Pod')
    .flatMap((pod) => {
      const { podIP, conditions = [] } = (pod.status ?? {}) as {
        podIP?: string;
        conditions?: { type: string; status: string }[];
      };
      const ready = conditions.some((it) => it.type === 'Ready' && it.status === 'True');
      return podIP && ready
        ? [{ labels: pod.metadata.labels ?? {}, address: `${podIP}:${port}`, healthy: true }]
        : [];
    });
}

function isMigrated(service: KubeObject): boolean {
  const { ports = [] } = service.spec as { ports?: { port: number }[] };
  return ports.some((it) => it.port === port);
}

export function ownHost({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return `${metadata.name}.${metadata.namespace}.svc.cluster.local`;
}
