/**
 * What it costs an engine to watch callers, and how long a look at a thousand of them takes.
 *
 *   node bench/engine-watch.ts [seconds]      30 of watching, if not said
 *
 * The clusters are stand-ins behind the wire (bench/stand-in): API servers over TLS in a process of their own, with
 * pods whose statistics pages have some five thousand lines. What is measured is this process: the real client, reader
 * and engine's look at the world, as often as it looks unless the migration says otherwise.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { keepMemorySteady } from '../packages/meshlift/src/cli/steady-memory.ts';
import { systemClock } from '../packages/meshlift/src/effects/clock/real.ts';
import { openCluster } from '../packages/meshlift/src/effects/kube/real.ts';
import type { EngineContext } from '../packages/meshlift/src/engine/context.ts';
import { observe } from '../packages/meshlift/src/engine/observe.ts';
import { wantedCalls, watchTraffic } from '../packages/meshlift/src/engine/traffic-watch.ts';
import { sideHost } from '../packages/meshlift/src/mesh/names.ts';
import { splitRoute } from '../packages/meshlift/src/mesh/split-route.ts';
import { proxyCallers } from '../packages/meshlift/src/metrics/proxy-callers.ts';
import { judge } from '../packages/meshlift/src/migration/gate.ts';
import { splitWithK8s } from '../packages/meshlift/src/migration/traffic-split.ts';
import { type Migration, parseMigration } from '../packages/meshlift/src/spec/migration.ts';
import { Figures, quantile, seconds } from './figures.ts';
import type { StandIn } from './stand-in/clusters.ts';

const [watchSeconds = '30', only] = process.argv.slice(2);

const warmUpLooks = 15;

interface Setting {
  readonly clusters: number;
  readonly callers: number;
  readonly calling: number;
  readonly envoyPage: boolean;
  /** between two looks; the default of `rollout.gate.interval` unless given */
  readonly intervalMs?: number;
}

/** Each is measured in a process of its own, so that none inherits another's memory. */
const settings: Readonly<Record<string, Setting>> = {
  'sixty-calling': { clusters: 2, callers: 60, calling: 60, envoyPage: true },
  'sixty-calling-every-second': {
    ...{ clusters: 2, callers: 60, calling: 60, envoyPage: true, intervalMs: 1_000 },
  },
  'sixty-of-which-six-call': { clusters: 2, callers: 60, calling: 6, envoyPage: true },
  'thousand-calling': { clusters: 4, callers: 1_000, calling: 1_000, envoyPage: true },
  'thousand-without-envoy-page': { clusters: 4, callers: 1_000, calling: 1_000, envoyPage: false },
};

interface Cost {
  readonly firstLook: number;
  readonly laterLook: number;
  /** of one core */
  readonly cpu: number;
  readonly memory: number;
  readonly requests: number;
}

const setting = only === undefined ? undefined : settings[only];
if (setting) {
  process.stdout.write(JSON.stringify(await measure(setting)));
} else {
  const figures = new Figures();
  const program = await bundled();
  for (const name of Object.keys(settings)) {
    const { callers, calling, envoyPage, intervalMs } = settings[name] as Setting;
    const cost = measuredApart(program, name);
    const few = callers < 1_000;
    const percent = (value: number) => `${value.toFixed(1)} %`;
    const megabytes = (value: number) => `${Math.round(value / 1e6)} MB`;
    const who = `${callers} proxies${calling < callers ? `, ${calling} of which call` : ''}${envoyPage ? '' : ", only the agent's page"}${intervalMs ? `, looking every ${intervalMs / 1_000} s` : ''}`;
    if (few && !intervalMs) figures.under(`${who}: CPU of a core`, 100 * cost.cpu, 5, percent);
    else figures.told(`${who}: CPU of a core`, percent(100 * cost.cpu));
    figures.under(`${who}: memory`, cost.memory, few ? 150e6 : 300e6, megabytes);
    const first = `${who}: first look, whole`;
    // The agent's page is for proxies that hide Envoy's, and there is much of it: no target is set for that.
    if (envoyPage) figures.under(first, cost.firstLook, few ? 1 : 5, seconds);
    else figures.told(first, seconds(cost.firstLook));
    figures.told(`${who}: later looks, median`, seconds(cost.laterLook));
  }
  process.stdout.write(`${figures.table()}\n`);
  if (figures.missed) process.exitCode = 1;
}

/** This program as `meshlift` itself is run, bundled; answers the file. */
async function bundled(): Promise<string> {
  const outfile = join(import.meta.dirname, 'dist/engine-watch.mjs');
  // Only here: what is measured loads no bundler.
  const { bundle } = await import('../scripts/bundle.ts');
  await bundle({
    entryPoints: [import.meta.filename],
    outfile,
    external: ['@kubernetes/client-node', 'bufferutil', 'utf-8-validate', '../scripts/bundle.ts'],
    define: { 'import.meta.dirname': JSON.stringify(import.meta.dirname) },
  });
  return outfile;
}

/** As `meshlift` itself is run: with what was compiled before. */
function measuredApart(bundle: string, name: string): Cost {
  const compiled = join(tmpdir(), 'meshlift-engine-watch-compiled');
  const run = (time: string) =>
    execFileSync(process.execPath, [bundle, time, name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
    });
  if (!existsSync(compiled)) run('1');
  return JSON.parse(run(watchSeconds)) as Cost;
}

async function measure({ clusters, callers, calling, envoyPage, intervalMs }: Setting): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'meshlift-engine-watch-'));
  const names = Array.from({ length: clusters }, (_, i) => `cluster${i + 1}`);
  const migration = migrationOf(names);
  const { certificate, key } = await selfSigned(folder);
  const server = spawn(process.execPath, [join(import.meta.dirname, 'stand-in/clusters.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const standIn: StandIn = {
      certificate,
      key,
      envoyPage,
      clusters: names.map((name) => ({
        name,
        callers: callers / clusters,
        calling: calling / clusters,
        objects: objects(migration),
      })),
      calls: [
        { host: sideHost(migration, 'vm'), workload: 'productcatalogservice-vm', grpcStatus: 0, share: 0.79 },
        { host: sideHost(migration, 'vm'), workload: 'productcatalogservice-vm', grpcStatus: 5, share: 0.01 },
        { host: sideHost(migration, 'k8s'), workload: 'productcatalogservice', grpcStatus: 0, share: 0.19 },
        { host: sideHost(migration, 'k8s'), workload: 'productcatalogservice', grpcStatus: 5, share: 0.01 },
      ],
    };
    server.stdin.end(JSON.stringify(standIn));
    const [ports] = await once(server.stdout, 'data');
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigOf(names, JSON.parse(String(ports)) as number[], certificate));
    return await watch(migration, kubeconfig, intervalMs ?? migration.spec.rollout.gate.interval);
  } finally {
    server.kill();
    await rm(folder, { recursive: true });
  }
}

async function watch(migration: Migration, kubeconfigPath: string, intervalMs: number): Promise<Cost> {
  const members = await Promise.all(
    migration.spec.clusters.map(async (member) => {
      const kube = await openCluster({ name: member.name, context: member.context, kubeconfigPath });
      const callers = proxyCallers(kube, wantedCalls(migration), systemClock.now);
      return { name: member.name, member, kube, callers };
    }),
  );
  const [home, target] = members;
  if (!home || !target) throw new TypeError('there are two clusters at least');
  const context: EngineContext = {
    migration,
    members,
    home,
    target,
    manifests: [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'productcatalogservice' } }],
    ssh: () => Promise.reject(new Error('nobody goes to the VM here')),
    sidecarPackage: null,
    clock: systemClock,
    host: { notify: () => undefined },
    signal: new AbortController().signal,
  };
  keepMemorySteady();
  const traffic = await watchTraffic(context);
  const started = performance.now();
  await look(context, traffic);
  const firstLook = (performance.now() - started) / 1_000;

  // A watch lasts for minutes or hours: what is compiled in its first seconds is not its cost.
  for (let n = 0; n < warmUpLooks; n += 1) {
    await look(context, traffic);
    await delay(200);
  }
  const looks: number[] = [];
  const before = process.cpuUsage();
  const from = performance.now();
  let memory = 0;
  let requests = 0;
  for (let due = intervalMs; due <= Number(watchSeconds) * 1_000; due += intervalMs) {
    await delay(Math.max(0, from + due - performance.now()));
    const at = performance.now();
    requests = await look(context, traffic);
    looks.push((performance.now() - at) / 1_000);
    memory = Math.max(memory, process.memoryUsage.rss());
  }
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1_000 / (performance.now() - from);
  for (const { kube } of members) kube.close();
  return { firstLook, laterLook: quantile(looks, 0.5), cpu, memory, requests };
}

/** What the engine does in every pass while it holds a split; answers the requests in its window. */
async function look(
  context: EngineContext,
  traffic: Awaited<ReturnType<typeof watchTraffic>>,
): Promise<number> {
  const { window, members, vm, copy } = await observe(context, traffic);
  const problem = [...Object.values(members).filter((it) => !it.reachable), vm, copy].find(
    (it) => 'is' in it && it.is !== 'healthy',
  );
  if (problem) throw new Error(`the stand-in is not what it should be: ${JSON.stringify(problem)}`);
  if (!window.known) process.stderr.write(`not everyone was read: ${window.because}\n`);
  judge(context.migration.spec.rollout.gate, window);
  const seen = window.known ? window : window.soFar;
  return seen ? seen.vm.requests + seen.k8s.requests : 0;
}

function migrationOf(names: readonly string[]): Migration {
  const parsed = parseMigration({
    apiVersion: 'meshlift.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name: 'productcatalog' },
    spec: {
      service: { name: 'productcatalogservice', port: 3550, protocol: 'grpc' },
      clusters: names.map((name, i) => ({ name, context: name, home: i === 0, target: i === 1 })),
      vm: {
        host: '10.10.100.10',
        ssh: { user: 'admin' },
        serviceAccount: 'productcatalog',
        probe: { grpc: { port: 3550 } },
      },
      workload: { manifests: ['k8s/productcatalogservice.yaml'] },
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.migration;
}

/** The objects that a look asks for, by the path at which they are. */
function objects(migration: Migration): Record<string, unknown> {
  const istio = '/apis/networking.istio.io/v1/namespaces/default';
  const route = splitRoute(migration, splitWithK8s(20), 3);
  return {
    [`${istio}/virtualservices/${route.metadata.name}`]: route,
    [`${istio}/workloadentries`]: {
      metadata: {},
      items: [
        {
          metadata: {
            name: 'productcatalogservice-vm-10.10.100.10',
            annotations: { 'istio.io/autoRegistrationGroup': 'productcatalogservice-vm' },
          },
          spec: { address: '10.10.100.10' },
          status: { conditions: [{ type: 'Healthy', status: 'True' }] },
        },
      ],
    },
    '/apis/apps/v1/namespaces/default/deployments/productcatalogservice': {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'productcatalogservice', generation: 1 },
      spec: { replicas: 1 },
      status: { observedGeneration: 1, updatedReplicas: 1, readyReplicas: 1 },
    },
  };
}

function kubeconfigOf(names: readonly string[], ports: readonly number[], certificate: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: names.map((name, i) => ({
      name,
      cluster: {
        server: `https://127.0.0.1:${ports[i]}`,
        'certificate-authority-data': Buffer.from(certificate).toString('base64'),
      },
    })),
    users: [{ name: 'engine', user: { token: 'a-token' } }],
    contexts: names.map((name) => ({ name, context: { cluster: name, user: 'engine' } })),
  });
}

async function selfSigned(folder: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...[
        '-subj',
        '/CN=stand-in',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        certificate,
      ],
    ],
    { stdio: 'ignore' },
  );
  return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
}
