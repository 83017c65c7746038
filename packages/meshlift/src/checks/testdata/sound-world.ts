import { readFileSync } from 'node:fs';
import { FakeClock } from '../../effects/clock/fake.ts';
import { FakeCluster } from '../../effects/kube/fake.ts';
import { type Fault, type KubeVerb, withFaults } from '../../effects/kube/faults.ts';
import type { KubeObject } from '../../effects/kube/port.ts';
import { readOnly } from '../../effects/kube/read-only.ts';
import type { Ssh } from '../../effects/ssh/port.ts';
import { clusterOf, type EngineContext } from '../../engine/context.ts';
import { MeshliftError } from '../../errors/error.ts';
import { wantedCalls } from '../../engine/traffic-watch.ts';
import { proxyCallers } from '../../metrics/proxy-callers.ts';
import { homeOf, targetOf } from '../../spec/migration.ts';
import { sampleMigration } from '../../spec/testdata/sample-migration.ts';
import { allChecks } from '../all-checks.ts';
import type { CheckResult } from '../check.ts';
import { runChecks } from '../run-checks.ts';

export type ClusterName = 'cluster1' | 'cluster2';

const names: readonly ClusterName[] = ['cluster1', 'cluster2'];
const labels = { app: 'productcatalogservice' };

export function pem(name: 'root' | 'other-root' | 'istio-sample-root'): string {
  return readFileSync(new URL(`${name}.pem`, import.meta.url), 'utf8');
}

/**
 * Two clusters, a VM and a migration about which every check is content. A test spoils one thing, and looks which
 * checks notice.
 */
export class SoundWorld {
  readonly clock = new FakeClock(Date.UTC(2026, 10, 23, 7));
  readonly clusters: Readonly<Record<ClusterName, FakeCluster>>;
  readonly faults: Partial<Record<ClusterName, Partial<Record<KubeVerb, Fault>>>> = {};
  manifests: KubeObject[] = manifests();
  /** what the VM answers, by section of the scripts that look at it */
  readonly vm: Record<string, string>;
  sshFailure: MeshliftError | null = null;
  /** what bash says on the VM when it tries to reach something; null when it does */
  reachError: string | null = null;
  spec: Record<string, unknown> = {};

  constructor() {
    const now = () => this.clock.now();
    const cluster = (name: ClusterName) => {
      const fake = new FakeCluster(name, objectsOf(name), { now });
      serveIstiod(fake, '1.31.0');
      serveProxies(fake);
      return fake;
    };
    this.clusters = { cluster1: cluster('cluster1'), cluster2: cluster('cluster2') };
    this.vm = vmSections(this.clock.now());
  }

  /** The object of this kind and name, changed in place, as somebody else would. */
  change(cluster: ClusterName, kind: string, name: string, change: (object: Mutable) => void): void {
    const found = this.clusters[cluster].objects().find((it) => it.kind === kind && it.metadata.name === name);
    if (!found) throw new TypeError(`no ${kind} ${name} in ${cluster}`);
    change(found as Mutable);
    this.clusters[cluster].put(found);
  }

  /** Every read of this verb in a cluster fails, as without the right to it. */
  forbid(cluster: ClusterName, verb: KubeVerb, when: (call: readonly unknown[]) => boolean = () => true): void {
    this.faults[cluster] = {
      ...this.faults[cluster],
      [verb]: async (call: Parameters<Fault>[0], proceed: () => Promise<unknown>) => {
        if (!when(call.args)) return proceed();
        throw new MeshliftError('cluster-forbidden', {
          where: `${verb} in ${cluster}`,
          why: 'the credentials do not allow it',
          next: 'ask for the right',
        });
      },
    };
  }

  context(): EngineContext {
    const migration = sampleMigration(this.spec);
    const members = migration.spec.clusters.map((member) => {
      const name = member.name as ClusterName;
      // A check that writes would reject here.
      const kube = readOnly(withFaults(this.clusters[name], this.faults[name] ?? {}));
      return { name, member, kube, callers: proxyCallers(kube, wantedCalls(migration), () => this.clock.now()) };
    });
    return {
      migration,
      members,
      home: clusterOf(members, homeOf(migration)),
      target: clusterOf(members, targetOf(migration)),
      manifests: this.manifests,
      ssh: async () => {
        if (this.sshFailure) throw this.sshFailure;
        return this.#ssh();
      },
      sidecarPackage: null,
      clock: this.clock,
      host: { notify: () => undefined },
      signal: new AbortController().signal,
    };
  }

  async check(): Promise<ReadonlyMap<string, CheckResult>> {
    const results = await runChecks(this.context(), allChecks);
    return new Map(results.map((it) => [it.id, it]));
  }

  /** The checks that are not content, each with what it found. */
  async noticed(): Promise<Readonly<Record<string, string>>> {
    const results = await this.check();
    return Object.fromEntries(
      [...results.values()]
        .filter(({ result }) => result !== 'pass')
        .map(({ id, result, findings }) => [id, `${result}: ${findings.map(({ why }) => why).join('\n')}`]),
    );
  }

  #ssh(): Ssh {
    const printed = Object.entries(this.vm).map(([name, text]) => `\n=${name}=\n${text}\n`);
    return {
      target: 'admin@10.10.100.10:22',
      run: async (script) => {
        const asked = printed.filter((section) => script.includes(`s ${section.split('=')[1]};`));
        if (asked.length > 0) return { exitCode: 0, stdout: asked.join(''), stderr: '' };
        return { exitCode: this.reachError === null ? 0 : 1, stdout: '', stderr: this.reachError ?? '' };
      },
      write: async () => undefined,
      upload: async () => undefined,
      close: async () => undefined,
    };
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a test spoils whatever it likes
export type Mutable = any;

/** Every control plane's pods say what they are and whom they serve. */
function serveIstiod(cluster: FakeCluster, version: string): void {
  const istiod = { namespace: 'istio-system', pod: 'istiod-1', port: 15014 };
  const proxies = podsOf(cluster.cluster).map((pod) => ({
    cluster_id: cluster.cluster,
    proxy: `${pod}.default`,
    proxy_type: 'sidecar',
  }));
  cluster.serve(istiod, '/debug/syncz', JSON.stringify(proxies));
  cluster.serve(istiod, '/version', JSON.stringify({ version, revision: 'abc', status: 'Clean' }));
}

function podsOf(cluster: string): readonly string[] {
  return cluster === 'cluster1' ? ['recommendationservice-1', 'checkoutservice-1'] : ['frontend-1'];
}

/** Proxies that have called each other through the gateways. */
function serveProxies(cluster: FakeCluster): void {
  for (const gateway of ['gateway-1', 'gateway-2'])
    cluster.serve({ namespace: 'istio-system', pod: gateway, port: 15020 }, '/stats/prometheus', '');
  for (const pod of podsOf(cluster.cluster)) {
    const at = (port: number) => ({ namespace: 'default', pod, port });
    cluster.serve(at(15020), '/stats/prometheus', '');
    cluster.serve(at(15000), '/clusters?format=json', clustersPage(7, 0));
  }
}

/** Envoy's page of a proxy that opened some connections to the other cluster's gateway, of which some failed. */
export function clustersPage(opened: number, failed: number): string {
  const stat = (name: string, value: number) => (value === 0 ? { name } : { name, value: String(value) });
  return JSON.stringify({
    cluster_statuses: [
      {
        name: 'outbound|7070||cartservice.default.svc.cluster.local',
        host_statuses: [
          {
            address: { socket_address: { address: '10.10.2.101', port_value: 15443 } },
            stats: [stat('cx_total', opened), stat('cx_connect_fail', failed)],
          },
        ],
      },
    ],
  });
}

function configMap(name: string, namespace: string, data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

const readyCondition = [{ type: 'Ready', status: 'True' }];

export function pod(name: string, namespace: string, more: { labels?: object; spec?: object; ip?: string } = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name.replace(/-\d+$/, ''), ...more.labels } },
    spec: { containers: [{ name: 'server' }, { name: 'istio-proxy' }], ...more.spec },
    status: {
      phase: 'Running',
      podIP: more.ip ?? '10.21.0.9',
      conditions: readyCondition,
      containerStatuses: [{ name: 'istio-proxy', containerID: `fake://${name}` }],
    },
  };
}

function objectsOf(cluster: ClusterName): readonly KubeObject[] {
  const other = names.find((it) => it !== cluster) ?? '';
  const gatewayLabels = { istio: 'eastwestgateway' };
  return [
    configMap('istio', 'istio-system', { mesh: 'trustDomain: cluster.local\ndefaultConfig: {meshId: mesh1}\n' }),
    configMap('istio-sidecar-injector', 'istio-system', {
      values: JSON.stringify({ global: { multiCluster: { clusterName: cluster } } }),
    }),
    configMap('istio-ca-root-cert', 'default', { 'root-cert.pem': pem('root') }),
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'default', labels: { 'istio-injection': 'enabled' } },
    },
    { ...pod('istiod-1', 'istio-system'), status: { phase: 'Running', conditions: readyCondition } },
    pod('gateway-1', 'istio-system', { labels: gatewayLabels }),
    pod('gateway-2', 'istio-system', { labels: gatewayLabels }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'istio-eastwestgateway', namespace: 'istio-system' },
      spec: { ports: [{ port: 15_443 }, { port: 15_012 }], selector: gatewayLabels },
      status: { loadBalancer: { ingress: [{ ip: '10.10.2.101' }] } },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'cross-network-gateway', namespace: 'istio-system' },
      spec: {
        selector: gatewayLabels,
        servers: [{ port: { number: 15_443, name: 'tls', protocol: 'TLS' }, tls: { mode: 'AUTO_PASSTHROUGH' }, hosts: ['*.local'] }],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `istio-remote-secret-${other}`,
        namespace: 'istio-system',
        labels: { 'istio/multiCluster': 'true' },
      },
      data: { [other]: 'a3ViZWNvbmZpZw==' },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'productcatalogservice', namespace: 'default' },
      spec: {
        clusterIP: '10.31.0.7',
        selector: labels,
        ports: [{ name: 'grpc', port: 3550, targetPort: 3550, appProtocol: 'grpc' }],
      },
    },
    ...podsOf(cluster).map((name) => pod(name, 'default')),
  ];
}

export function manifests(): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'productcatalog' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'productcatalogservice' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'productcatalog',
            containers: [
              {
                name: 'server',
                image: 'catalog',
                ports: [{ name: 'grpc', containerPort: 3550 }],
                env: [{ name: 'PORT', value: '3550' }],
                readinessProbe: { grpc: { port: 3550 } },
                resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } },
              },
            ],
          },
        },
      },
    },
  ];
}

/** 0.0.0.0:3550, listening, as /proc/net/tcp has it */
const listening = '   0: 00000000:0DDE 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 4711 1';

function vmSections(now: number): Record<string, string> {
  return {
    os: 'ID=debian\nVERSION_ID="12"',
    arch: 'x86_64',
    tools: 'systemctl\ndpkg',
    now: `${now}000000`,
    disk: 'Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/vda 9 1 9000000 1% /',
    addresses: '10.10.100.10',
    tcp: listening,
    nat: 'yes',
    resolver: 'nameserver 10.10.0.2',
    ...serviceSections,
  };
}

/** The catalog as a unit of its own: one process that listens, and that one pod of each cluster is connected to. */
const serviceSections = {
  pids: '812',
  program: '/opt/productcatalog/node\n/opt/productcatalog',
  memory: 'VmRSS:\t   61440 kB',
  cpu: '100\n1000.00\n S 1 812 812 0 -1 4194560 9000 0 0 0 1500 500 0 0 20 0 7 0 50000 1000 15360',
  units: 'MainPID=900 ssh.service enabled\nMainPID=812 productcatalogservice.service enabled',
  parents: '812 PPid:\t1',
  environment: 'HOME\nPATH\nPORT\nINVOCATION_ID',
  files: 'lr-x------ /opt/productcatalog/productcatalogservice.mjs\nl-wx------ /var/log/catalog.log',
  arguments: '/opt/productcatalog/node\n/opt/productcatalog/productcatalogservice.mjs',
  sockets: 'socket:[4711]\nsocket:[4712]',
  connections: `${listening}\n${socketRow('10.10.100.10:3550', '10.21.0.9:40000', 4712)}`,
};

/** An open connection, as a row of /proc/net/tcp. */
export function socketRow(local: string, remote: string, inode: number): string {
  const hex = (text: string) => {
    const [address = '', port = ''] = text.split(':');
    const bytes = address.split('.').map((it) => Number(it).toString(16).padStart(2, '0'));
    return `${bytes.toReversed().join('')}:${Number(port).toString(16).padStart(4, '0')}`.toUpperCase();
  };
  return `   1: ${hex(local)} ${hex(remote)} 01 00000000:00000000 00:00000000 00000000   999        0 ${inode} 1`;
}
