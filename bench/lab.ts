/**
 * What a lab costs: how long it takes to come and go, what it uses while nothing happens, how soon a pod is ready, and
 * whether sixty pods with sidecars stay well.
 *
 *   node bench/lab.ts [seconds]     of watching while idle, and again with sixty pods; 60, if not said
 *
 * Makes a lab of its own, of two clusters and a VM, and takes it down. The parts must be in the cache (`lab parts build`),
 * and the figures mean something only while nothing else computes. Ends with 1 when a target is missed.
 */
import { access } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { bystander, deployment } from '../e2e/lab-manifests.ts';
import { host, leftOf, tracesOf } from '../e2e/lab-traces.ts';
import { LabUnderTest } from '../e2e/lab-under-test.ts';
import { cacheFolder } from '../packages/lab/src/cli/material.ts';
import { ensureParts } from '../packages/lab/src/parts/parts.ts';
import { ensureRootfs } from '../packages/lab/src/rootfs/rootfs.ts';
import { Figures, gigabytes, quantile, seconds } from './figures.ts';
import { cpuSeconds, memoryBytes } from './process-usage.ts';

const CLUSTER = 'cluster1';
const PODS_ONE_BY_ONE = 10;
const MANY = 60;
/** Controllers and proxies have some work left when everything is ready. */
const SETTLE_MS = 30_000;

const [watched = '60'] = process.argv.slice(2);
const watchMs = Number(watched) * 1000;
if (!(watchMs > 0)) {
  process.stderr.write('usage: node bench/lab.ts [seconds]\n');
  process.exit(64);
}
const say = (line: string) => process.stderr.write(`${line}\n`);

const load = (loadavg()[0] ?? 0).toFixed(1);
const figures = new Figures();
let boot = '';
const lab = await LabUnderTest.prepare('bench');
try {
  figures.under('parts and root file system found in the cache', await findMaterial(), 0.3, seconds);

  const before = await host();
  say('lab up');
  const started = performance.now();
  boot = (await lab.up()).stderr;
  figures.under('lab up: two clusters, mesh, gateways, VM', since(started), 25, seconds);

  say(`idle for ${watched} s`);
  await delay(SETTLE_MS);
  const idle = await watch();
  figures.under('memory, idle', idle.memory, 2.5e9, gigabytes);
  figures.under('processor, idle (of one core)', idle.cores, 0.25, percent);

  say(`${PODS_ONE_BY_ONE} pods, one by one`);
  const times: number[] = [];
  for (let i = 0; i < PODS_ONE_BY_ONE; i += 1) times.push(await podReady(`alone-${i}`));
  say(`  ready after ${times.map(seconds).join(', ')}`);
  figures.under(
    `pod with sidecar, apply to Ready, the slowest of ${PODS_ONE_BY_ONE}`,
    Math.max(...times),
    3,
    seconds,
  );
  figures.told('  the median', seconds(quantile(times, 0.5)));

  // The kernel has room for sixty sidecars, and hardly more.
  const names = times.map((_, i) => `alone-${i}`);
  await lab.kubectl(CLUSTER, 'delete', 'pod', ...names, '--timeout=60s');

  say(`${MANY} pods at once`);
  const applied = performance.now();
  await lab.apply(
    CLUSTER,
    deployment('many', MANY, { image: 'debian', command: ['sleep', 'infinity'], resources: {} }),
  );
  await lab.kubectl(CLUSTER, 'rollout', 'status', 'deployment/many', '--timeout=200s');
  figures.told(`${MANY} pods with sidecars, all ready after`, seconds(since(applied)));
  say(`${MANY} pods for ${watched} s`);
  const busy = await watch();
  figures.under(`  of them not ready, or restarted, ${watched} s later`, await unwell(), 0, String);
  figures.told('  memory with them', gigabytes(busy.memory));
  figures.told('  processor with them (of one core)', percent(busy.cores));
  await lab.kubectl(CLUSTER, 'delete', 'deployment', 'many');
  await lab.kubectl(CLUSTER, 'wait', '--for=delete', 'pod', '-l', 'app=many', '--timeout=120s');

  say('lab down');
  const status = await lab.readStatus();
  const traces = await tracesOf(status.stateDir, status.forwards);
  const ending = performance.now();
  await lab.must('down');
  figures.under('lab down', since(ending), 3, seconds);
  const left = await leftOf(traces, before);
  for (const each of left) say(`left: ${each}`);
  figures.under(
    `left of ${traces.processes.length} processes, ${traces.namespaces.length} namespaces, mounts, interfaces, files`,
    left.length,
    0,
    String,
  );
} finally {
  // Also what was measured before something failed.
  const [cpu] = cpus();
  process.stdout.write(
    `${cpus().length} × ${cpu?.model.trim()}, Node ${process.version}, load ${load} before\n\n`,
  );
  process.stdout.write(`${figures.table()}\n\n${partsOf(boot)}\n`);
  process.exitCode = figures.missed ? 1 : 0;
  await lab.end();
}

function since(start: number): number {
  return (performance.now() - start) / 1000;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** Seconds that `up` spends on finding what it is made of. */
async function findMaterial(): Promise<number> {
  const cacheDir = cacheFolder(process.env);
  const options = { cacheDir, progress: () => {}, signal: AbortSignal.timeout(900_000) };
  const make = async () => {
    const parts = await ensureParts({ ...options, override: process.env.MESHLIFT_PARTS });
    await access(parts.bin('envoy'));
    await ensureRootfs(options);
  };
  // Whatever is not there is made first.
  await make();
  const started = performance.now();
  await make();
  return since(started);
}

/** What the lab uses while it is left alone. */
async function watch(): Promise<{ memory: number; cores: number }> {
  const pids = async () => (await tracesOf(lab.status.stateDir, [])).processes.map(({ pid }) => pid);
  const [first, started] = [await cpuSeconds(await pids()), performance.now()];
  await delay(watchMs);
  const last = await cpuSeconds(await pids());
  const cores = (last - first) / since(started);
  return { memory: await memoryBytes(await pids()), cores };
}

/** Seconds from before `kubectl apply` starts until `kubectl wait` has ended, as a person would have it. */
async function podReady(name: string): Promise<number> {
  const started = performance.now();
  await lab.apply(CLUSTER, bystander(name));
  await lab.kubectl(CLUSTER, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  return since(started);
}

/** How many of the pods are not as they should be; which and why is said on the way. */
async function unwell(): Promise<number> {
  const { items } = await lab.get(CLUSTER, 'pods', '-l', 'app=many');
  let well = 0;
  for (const { metadata, status } of items as Pod[]) {
    const containers = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
    const problems = containers
      .filter(({ restartCount }) => restartCount > 0)
      .map((it) => `${it.name} restarted ${it.restartCount} times, last ${JSON.stringify(it.lastState)}`);
    const ready = status.conditions?.find((it) => it.type === 'Ready');
    if (ready?.status !== 'True') problems.push(`not ready: ${ready?.message}`);
    // The sidecar is among them, as a container or as an init container that stays.
    if (containers.length < 2) problems.push('no sidecar');
    if (problems.length === 0) well += 1;
    else say(`${metadata.name}: ${problems.join('; ')}`);
  }
  return MANY - well;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly lastState: object;
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly conditions?: { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

/** When each part of the boot was ready, and how long it took by itself. */
function partsOf(boot: string): string {
  const lines = boot.split('\n').filter((line) => / ready \([\d.]+ s\)$/.test(line));
  return ['what was ready when, and how long it took by itself', ...lines].join('\n');
}
