import { FakeClock } from '../../effects/clock/fake.ts';
import { FakeCluster } from '../../effects/kube/fake.ts';
import { type Fault, type KubeVerb, withFaults } from '../../effects/kube/faults.ts';
import type { KubeObject, KubeWriter } from '../../effects/kube/port.ts';
import type { ServiceCall } from '../../effects/service-call/port.ts';
import type { Ssh } from '../../effects/ssh/port.ts';
import { MeshliftError } from '../../errors/error.ts';
import type { MeshliftEvent } from '../../events/event.ts';
import { proxyCallers } from '../../metrics/proxy-callers.ts';
import type { Side } from '../../migration/traffic-split.ts';
import { homeOf, type Migration, targetOf } from '../../spec/migration.ts';
import { sampleMigration } from '../../spec/testdata/sample-migration.ts';
import { clusterOf, type EngineContext } from '../context.ts';
import { wantedCalls } from '../traffic-watch.ts';
import { FakeIstiod } from './fake-istiod.ts';
import { FakeProxy, type LeftOut } from './fake-proxy.ts';
import { FakeVm } from './fake-vm.ts';

export type ClusterName = 'cluster1' | 'cluster2' | 'cluster3' | 'cluster4';

const host = 'productcatalogservice.default.svc.cluster.local';
const labels = { app: 'productcatalogservice' };
const writes: readonly KubeVerb[] = ['apply', 'applyStatus', 'create', 'replace', 'delete'];
const reads: readonly KubeVerb[] = ['get', 'list', 'serves', 'version', 'now', 'podGet', 'forwardedGet', 'forwardedCall', 'createToken'];

/** What kills an engine in a test: not an error of ours, so nothing may handle it. */
export class Killed extends Error {}

export interface EngineOptions {
  /** dies just before its nth change of the world; counted from 1 */
  readonly killBefore?: number;
  /** dies just after its nth change of the world, without hearing of its success */
  readonly killAfter?: number;
  /** stands still just before its nth change, if that is one of a cluster, with the request on its way, until thawed */
  readonly freeze?: Freeze;
}

/** A process that is stopped for a while, as by a laptop's lid: nothing of it runs, and then it goes on where it was. */
export class Freeze {
  readonly before: number;
  readonly frozen: Promise<void>;
  readonly thawed: Promise<void>;
  #onFrozen: () => void = () => {};
  #onThawed: () => void = () => {};
  #isFrozen = false;

  constructor(before: number) {
    this.before = before;
    this.frozen = new Promise((resolve) => {
      this.#onFrozen = resolve;
    });
    this.thawed = new Promise((resolve) => {
      this.#onThawed = resolve;
    });
  }

  thaw(): void {
    this.#onThawed();
  }

  /** what every move of the engine goes through; `nth` when it is a change */
  async pass(nth: number | null): Promise<void> {
    if (nth === this.before) {
      this.#isFrozen = true;
      this.#onFrozen();
    }
    if (this.#isFrozen) await this.thawed;
  }
}

/**
 * The migration's clusters in one mesh, with customers who call without a pause, and a VM: everything that the engine touches,
 * in memory and in no time, behind the same ports as the real ones.
 */
export class FakeWorld {
  readonly clock = new FakeClock(Date.UTC(2026, 10, 23, 7));
  readonly migration: Migration;
  readonly clusters: Readonly<Record<ClusterName, FakeCluster>>;
  readonly istiods: Readonly<Record<ClusterName, FakeIstiod>>;
  /** the first of the VMs, which most migrations have alone */
  readonly vm: FakeVm;
  readonly vms: readonly FakeVm[];
  readonly proxies: FakeProxy[] = [];
  readonly events: MeshliftEvent[] = [];
  /** clusters whose API server does not answer */
  readonly cut = new Set<string>();
  /** what stands before a verb of every engine, in one cluster */
  readonly faults: Partial<Record<ClusterName, Partial<Record<KubeVerb, Fault>>>> = {};
  /** of each engine's changes, in order, the ones after which the world was another: writes of the same change nothing */
  readonly effective: number[] = [];
  /** of the copy's answers, every how many-th is an error; 0: none */
  copyFailsEvery = 0;
  /** members whose callers' way to the copy is broken, though their proxies know it */
  readonly copyUnreachableFrom = new Set<ClusterName>();
  /** whether istiod gives new pods a sidecar */
  injects = true;
  /** so many calls that test the copy get lost on their way */
  losesCopyTests = 0;
  /** every call that tested the copy */
  readonly copyTests: { readonly cluster: ClusterName; readonly call: ServiceCall }[] = [];
  vmAlive = true;
  /** addresses of the VMs, of several, on which the program alone is dead */
  readonly deadVms = new Set<string>();
  copyAlive = true;
  #writes = 0;
  readonly #vmRequests = new Map<string, number>();
  #copyRequests = 0;
  readonly #engines = new Set<{ dead: boolean }>();
  readonly #stop: () => void;
  readonly #target: ClusterName;

  constructor(spec: Record<string, unknown> = {}) {
    this.migration = sampleMigration({
      rollout: { steps: [20, 100], hold: '4s', gate: { interval: '1s', minRequests: 100 } },
      deadlines: { agree: '10s', observe: '5s', ready: '30s' },
      retire: { idle: '3s' },
      ...spec,
    });
    const now = () => this.clock.now();
    const names = this.migration.spec.clusters.map(({ name }) => name as ClusterName);
    this.#target = targetOf(this.migration).name as ClusterName;
    this.clusters = each(names, (name) => new FakeCluster(name, base(), { now }));
    const all = names.map((name) => this.clusters[name]);
    const discovers = this.migration.spec.topology === 'endpoint-discovery';
    this.istiods = each(names, (name) => {
      const read = discovers ? all : [this.clusters[name]];
      return new FakeIstiod(this.clusters[name], read, this.clock, () => this.flow());
    });
    this.vms = this.migration.spec.vm.machines.map(
      ({ host: address }, i) =>
        new FakeVm(
          address,
          this.clock,
          (running) => this.#sidecar(i, running),
          () => this.#inbound(address),
        ),
    );
    const [vm] = this.vms;
    if (!vm) throw new TypeError('a migration has a VM');
    this.vm = vm;
    for (const cluster of all) {
      cluster.onWrite(() => {
        this.#writes += 1;
      });
    }
    for (const name of names) {
      const served = () => this.istiods[name].syncz();
      this.clusters[name].serve({ namespace: 'istio-system', pod: 'istiod-1', port: 15014 }, '/debug/syncz', served);
      this.#addPod(name, 'gateway-1', 'router', 0);
      this.#runDeployments(name);
      this.#runTestCallers(name);
    }
    this.#addPod('cluster1', 'recommendationservice-1', 'sidecar', 150);
    this.#addPod('cluster1', 'checkoutservice-1', 'sidecar', 60);
    if (names.includes('cluster2')) this.#addPod('cluster2', 'frontend-1', 'sidecar', 200);
    if (names.includes('cluster3')) this.#addPod('cluster3', 'searchservice-1', 'sidecar', 90);
    if (names.includes('cluster4')) this.#addPod('cluster4', 'kioskservice-1', 'sidecar', 40);
    this.#stop = this.clock.autoAdvance();
  }

  /** ends the clock, which runs by itself until then */
  stop(): void {
    this.#stop();
  }

  /** An engine's process: its own hands on the world, which let go when it is killed. */
  engine({ killBefore, killAfter, freeze }: EngineOptions = {}): EngineContext {
    const mine = { changes: 0, dead: false };
    this.#engines.add(mine);
    const change = async (proceed: () => Promise<unknown>, onVm = false): Promise<unknown> => {
      if (mine.dead) throw new Killed('the engine is dead');
      mine.changes += 1;
      mine.dead = mine.changes === killBefore;
      if (mine.dead) throw new Killed(`killed before change ${mine.changes}`);
      const nth = mine.changes;
      await freeze?.pass(onVm ? null : nth);
      const before = this.#version;
      const result = await proceed();
      if (this.#version !== before) this.effective.push(nth);
      if (nth === killAfter) mine.dead = true;
      if (mine.dead) throw new Killed(`killed after change ${nth}`);
      return result;
    };
    const look = async (proceed: () => Promise<unknown>): Promise<unknown> => {
      if (mine.dead) throw new Killed('the engine is dead');
      await freeze?.pass(null);
      return proceed();
    };
    const members = this.migration.spec.clusters.map((member) => {
      const name = member.name as ClusterName;
      const kube = this.#hands(name, change, look);
      const callers = proxyCallers(kube, wantedCalls(this.migration), () => this.clock.now());
      return { name: member.name, member, kube, callers };
    });
    const handsOn = (vm: FakeVm): Ssh => ({
      target: vm.target,
      run: (script) => change(() => vm.run(script), true) as ReturnType<Ssh['run']>,
      write: (file) => change(() => vm.write(file), true) as Promise<void>,
      upload: () => vm.upload(),
      close: () => vm.close(),
    });
    return {
      migration: this.migration,
      members,
      home: clusterOf(members, homeOf(this.migration)),
      target: clusterOf(members, targetOf(this.migration)),
      manifests: manifests(),
      ssh: async (machine) => handsOn(this.#vmAt(machine.host)),
      sidecarPackage: { istioVersion: '1.31.0' },
      clock: {
        now: () => this.clock.now(),
        wait: (ms, signal) => look(() => this.clock.wait(ms, signal)) as Promise<void>,
      },
      host: { notify: (event) => void this.events.push(event) },
      signal: new AbortController().signal,
    };
  }

  /** Kills every engine where it stands. */
  killEngines(): void {
    for (const engine of this.#engines) engine.dead = true;
    this.#engines.clear();
  }

  /** Lets every customer's requests of the time until now happen. */
  flow(): void {
    for (const proxy of this.proxies) proxy.flow((side, address) => this.#answer(side, address));
  }

  /** requests that customers lost so far */
  get lost(): number {
    this.flow();
    return this.proxies.reduce((sum, proxy) => sum + proxy.lost, 0);
  }

  get answered(): number {
    this.flow();
    return this.proxies.reduce((sum, proxy) => sum + proxy.answered, 0);
  }

  /** the share of the k8s side that each caller's proxy has in force now, in percent */
  inForce(): Readonly<Record<string, number>> {
    const callers = this.proxies.filter(({ rate }) => rate > 0);
    return Object.fromEntries(
      callers.map(({ name, routeTaken }) => [
        name,
        (routeTaken?.destinations ?? [])
          .filter(({ host: it }) => !it.includes('-vm.'))
          .reduce((sum, { weight }) => sum + weight, 0),
      ]),
    );
  }

  /** everything that Meshlift has in a cluster now, by kind and name */
  traces(name: ClusterName): readonly string[] {
    return this.clusters[name]
      .objects()
      .filter(
        ({ kind, metadata, spec }) =>
          metadata.labels?.['meshlift.dev/migration'] !== undefined ||
          kind === 'Migration' ||
          (kind === 'Lease' && Boolean(spec)),
      )
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .toSorted();
  }

  object(name: ClusterName, kind: string): KubeObject | undefined {
    return this.objectsOf(name, kind)[0];
  }

  objectsOf(name: ClusterName, kind: string): readonly KubeObject[] {
    return this.clusters[name].objects().filter((it) => it.kind === kind);
  }

  /** The program on the VM dies, or comes back; the probe of its sidecar tells a little later. */
  setVmAlive(alive: boolean): void {
    this.flow();
    this.vmAlive = alive;
    void this.clock.wait(300).then(() => this.#probe());
  }

  /** The program on one of several VMs dies; the probe of its sidecar tells a little later. */
  killVm(address: string): void {
    this.flow();
    this.deadVms.add(address);
    void this.clock.wait(300).then(() => this.#probe());
  }

  /** The copy's pods get ready, or stop being so. */
  setCopyAlive(alive: boolean): void {
    this.flow();
    this.copyAlive = alive;
    const deployment = this.object(this.#target, 'Deployment');
    if (deployment) this.#rollOut(this.#target, deployment);
  }

  get #version(): number {
    return this.vms.reduce((sum, vm) => sum + vm.version, this.#writes);
  }

  #answer(side: Side, address: string): 'answered' | 'error' | 'dead' {
    if (side === 'vm') {
      const vm = this.#vmAt(address.replace(/:\d+$/, ''));
      if (!this.#serves(vm) || !vm.running) return 'dead';
      this.#vmRequests.set(vm.address, (this.#vmRequests.get(vm.address) ?? 0) + 1);
      return 'answered';
    }
    if (!this.copyAlive) return 'dead';
    this.#copyRequests += 1;
    return this.copyFailsEvery > 0 && this.#copyRequests % this.copyFailsEvery === 0 ? 'error' : 'answered';
  }

  get #tcp(): boolean {
    return this.migration.spec.service.protocol === 'tcp';
  }

  #vmAt(address: string): FakeVm {
    const vm = this.vms.find((it) => it.address === address);
    if (!vm) throw new TypeError(`no VM has address ${address}`);
    return vm;
  }

  #serves(vm: FakeVm): boolean {
    return this.vmAlive && !this.deadVms.has(vm.address);
  }

  #inbound(address: string): number {
    this.flow();
    return this.#vmRequests.get(address) ?? 0;
  }

  #hands(
    name: ClusterName,
    change: (proceed: () => Promise<unknown>) => Promise<unknown>,
    look: (proceed: () => Promise<unknown>) => Promise<unknown>,
  ): KubeWriter {
    const wire: Fault = async (call, proceed) => {
      if (this.cut.has(name)) {
        throw new MeshliftError('cluster-unreachable', {
          where: `${call.verb} in ${name}`,
          why: 'it does not answer',
          next: 'wait',
        });
      }
      const fault = this.faults[name]?.[call.verb];
      return fault ? fault(call, proceed) : proceed();
    };
    const through = (guard: typeof change): Fault => (call, proceed) => guard(() => wire(call, proceed));
    return withFaults(this.clusters[name], {
      ...Object.fromEntries(writes.map((verb) => [verb, through(change)])),
      ...Object.fromEntries(reads.map((verb) => [verb, through(look)])),
    });
  }

  /** a pod whose Sidecar leaves the service out */
  addBystander(cluster: ClusterName, name: string, leftOut: LeftOut = 'this service'): void {
    this.#addPod(cluster, name, 'sidecar', 0, leftOut);
  }

  #addPod(cluster: ClusterName, name: string, type: 'sidecar' | 'router', rate: number, leftOut: LeftOut = 'nothing'): void {
    const proxy = new FakeProxy(name, type, rate, 10 + 7 * this.proxies.length, this.clock, this.#tcp);
    proxy.leftOut = leftOut;
    this.proxies.push(proxy);
    this.clusters[cluster].put(callerPod(name, type));
    this.#serveAdmin(cluster, proxy);
    this.istiods[cluster].connect(proxy);
  }

  #serveAdmin(cluster: ClusterName, proxy: FakeProxy): void {
    const at = (port: number) => ({ namespace: 'default', pod: proxy.name, port });
    const { port } = this.migration.spec.service;
    const serve = (on: number, path: string, body: () => string) =>
      this.clusters[cluster].serve(at(on), path, body);
    const domains = [host, `${host}:${port}`];
    // A gateway has no routes to services inside the mesh.
    serve(15000, '/config_dump?resource=dynamic_route_configs', () =>
      proxy.type === 'router' || proxy.tcp ? '{"configs":[]}' : proxy.configDump(domains, port),
    );
    serve(15000, '/config_dump?resource=dynamic_listeners', () =>
      proxy.type === 'router' || !proxy.tcp ? '{"configs":[]}' : proxy.listenerDump(port),
    );
    serve(15000, '/clusters?format=json', () => {
      this.flow();
      return proxy.clusters(port);
    });
    serve(15020, '/stats/prometheus', () => {
      this.flow();
      return proxy.stats();
    });
  }

  /** What the VM's sidecar makes istiod do in the home cluster. */
  #sidecar(index: number, running: boolean): void {
    const home = this.clusters.cluster1;
    const vm = this.vms[index] ?? this.vm;
    if (!running) {
      this.istiods.cluster1.guests.delete(`shop-vm-${index}`);
      void this.clock.wait(500).then(() => home.delete({ ...vmEntryKind, name: vmEntryName(vm) }));
      return;
    }
    this.istiods.cluster1.guests.add(`shop-vm-${index}`);
    void this.clock.wait(500).then(() => this.#probe());
  }

  #probe(): void {
    for (const vm of this.vms) this.#register(vm);
  }

  #register(vm: FakeVm): void {
    const home = this.clusters.cluster1;
    const group = this.object('cluster1', 'WorkloadGroup');
    if (!group || !vm.running) return;
    const { metadata, template } = group.spec as {
      metadata: { labels: Record<string, string> };
      template: { ports: Record<string, number>; serviceAccount: string };
    };
    home.put({
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: {
        name: vmEntryName(vm),
        namespace: 'default',
        labels: metadata.labels,
        annotations: { 'istio.io/autoRegistrationGroup': group.metadata.name },
        ownerReferences: [{ kind: 'WorkloadGroup', name: group.metadata.name, uid: group.metadata.uid ?? '' }],
      },
      spec: { address: vm.address, labels: metadata.labels, ...template },
      status: { conditions: [{ type: 'Healthy', status: this.#serves(vm) ? 'True' : 'False' }] },
    });
  }

  /** A Deployment's pods come up a while after it was stored. */
  #runDeployments(name: ClusterName): void {
    this.clusters[name].onWrite(({ verb, object }) => {
      if (object.kind !== 'Deployment' || verb === 'delete') return;
      const { observedGeneration } = (object.status ?? {}) as { observedGeneration?: number };
      if (observedGeneration === object.metadata.generation) return;
      void this.clock.wait(1_500).then(() => this.#rollOut(name, object));
    });
  }

  /** A caller that tests the copy comes up, and hears what a caller would hear by the header of the copy's side. */
  #runTestCallers(name: ClusterName): void {
    const cluster = this.clusters[name];
    cluster.onWrite(({ verb, object }) => {
      if (object.metadata.labels?.['meshlift.dev/test-caller'] === undefined || verb !== 'create') return;
      const { spec } = this.injects ? callerPod(object.metadata.name, 'sidecar') : object;
      cluster.put({ ...object, spec });
      void this.clock.wait(700).then(() => {
        if (!cluster.objects().some(({ metadata }) => metadata.uid === object.metadata.uid)) return;
        const { podIP: _none, ...status } = callerPod(object.metadata.name, 'sidecar').status as Record<
          string,
          unknown
        >;
        cluster.put({ ...object, spec, status });
      });
    });
    cluster.answerCalls(async (target, call, withinMs) => {
      this.copyTests.push({ cluster: name, call });
      if (this.losesCopyTests > 0) {
        this.losesCopyTests -= 1;
        await this.clock.wait(withinMs);
        return { came: 'nothing', why: `no answer within ${withinMs} ms` };
      }
      const standing = cluster.objects().some(({ metadata }) => metadata.name === target.pod);
      if (!standing) throw new TypeError(`${target.pod} is not there`);
      const steered = call.protocol === 'tcp' || call.headers['x-meshlift-side'] === 'k8s';
      const reached = steered && this.copyAlive && !this.copyUnreachableFrom.has(name);
      if (call.protocol === 'tcp') return reached ? { came: 'connection' } : { came: 'nothing', why: 'it was closed' };
      return reached
        ? { came: 'grpc', status: 0, message: '', health: 'SERVING' }
        : { came: 'grpc', status: 14, message: 'upstream connect error', health: null };
    });
  }

  #rollOut(name: ClusterName, { metadata }: KubeObject): void {
    const cluster = this.clusters[name];
    const deployment = cluster.objects().find((it) => it.kind === 'Deployment' && it.metadata.name === metadata.name);
    if (!deployment) return;
    const pod = `${metadata.name}-1`;
    const { template } = deployment.spec as { template: { metadata: { labels: Record<string, string> } } };
    const ready = this.copyAlive ? 1 : 0;
    cluster.put({
      ...callerPod(pod, 'sidecar', this.copyAlive),
      metadata: { name: pod, namespace: 'default', labels: template.metadata.labels },
    });
    if (!this.proxies.some((proxy) => proxy.name === pod)) {
      const proxy = new FakeProxy(pod, 'sidecar', 0, 25, this.clock, this.#tcp);
      this.proxies.push(proxy);
      this.#serveAdmin(name, proxy);
      this.istiods[name].connect(proxy);
    }
    cluster.put({
      ...deployment,
      status: {
        observedGeneration: deployment.metadata.generation,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: ready,
      },
    });
  }
}

function each<T>(names: readonly ClusterName[], make: (name: ClusterName) => T): Record<ClusterName, T> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<ClusterName, T>;
}

const vmEntryKind = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  namespace: 'default',
} as const;

function vmEntryName({ address }: FakeVm): string {
  return `productcatalogservice-vm-${address}`;
}

function callerPod(name: string, type: 'sidecar' | 'router', ready = true): KubeObject {
  const index = [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 200, 7);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name.replace(/-\d+$/, '') } },
    spec: { containers: [{ name: 'istio-proxy', image: 'proxyv2:1', args: ['proxy', type] }] },
    status: {
      phase: 'Running',
      podIP: `10.21.0.${index}`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'istio-proxy', containerID: `fake://${name}` }],
    },
  };
}

/** What is there before Meshlift: Istio with its gateway, and the service's name, which selects pods that are not there. */
function base(): readonly KubeObject[] {
  const config = (name: string, namespace: string, data: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data,
  });
  return [
    config('istio', 'istio-system', { mesh: 'trustDomain: cluster.local\ndefaultConfig: {meshId: mesh1}\n' }),
    config('istio-sidecar-injector', 'istio-system', {
      values: '{"global":{"multiCluster":{"clusterName":"cluster1"}}}',
    }),
    config('istio-ca-root-cert', 'default', { 'root-cert.pem': 'root' }),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'istiod-1', namespace: 'istio-system', labels: { app: 'istiod' } },
      spec: { containers: [{ name: 'discovery' }] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'istio-eastwestgateway', namespace: 'istio-system' },
      spec: { ports: [{ port: 15_443 }] },
      status: { loadBalancer: { ingress: [{ ip: '10.10.2.101' }] } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'productcatalogservice', namespace: 'default' },
      spec: { selector: labels, ports: [{ name: 'grpc', port: 3550 }] },
    },
  ];
}

function manifests(): readonly KubeObject[] {
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'productcatalogservice' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { serviceAccountName: 'productcatalog', containers: [{ name: 'server', image: 'catalog' }] },
        },
      },
    },
  ];
}
