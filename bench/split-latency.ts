/**
 * How long callers go on with the old side after a split is written, and how far the clusters are apart.
 *
 *   node bench/split-latency.ts [shifts]      24, if not said
 *
 * Brings up a lab of its own with the shop and its customers, joins the VM and deploys the copy, then writes whole
 * splits back and forth and watches the old side's counters in the proxies of the callers that have enough calls to
 * tell (the others would only add to the machine's load). With KEEP_LAB=1 the lab stays. Build the shop first:
 * `npm run build -w @meshlift/shop`.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { Scenario } from '../e2e/scenario.ts';
import type { KubeObject } from '../packages/meshlift/src/effects/kube/port.ts';
import { type OpenCluster, openCluster } from '../packages/meshlift/src/effects/kube/real.ts';
import { sideHost } from '../packages/meshlift/src/mesh/names.ts';
import { splitRoute } from '../packages/meshlift/src/mesh/split-route.ts';
import { callersAmong } from '../packages/meshlift/src/metrics/callers.ts';
import { readCallers } from '../packages/meshlift/src/metrics/read-callers.ts';
import { allOnK8s, allOnVm, type Side } from '../packages/meshlift/src/migration/traffic-split.ts';
import { type Migration, parseMigration } from '../packages/meshlift/src/spec/migration.ts';

/** A caller with fewer calls than this says too late that it changed. */
const callsPerSecond = 15;
/** No call of a busy caller on the old side for so long means that there will be none. */
const quietMs = 600;
const betweenReadsMs = 5;

const [shifts = '24'] = process.argv.slice(2);
if (!(Number(shifts) > 0)) {
  process.stderr.write('usage: node bench/split-latency.ts [shifts]\n');
  process.exit(64);
}

interface Watched {
  readonly cluster: string;
  readonly kube: OpenCluster;
  /** the pods of the busy callers */
  readonly pods: readonly KubeObject[];
}

const scenario = await Scenario.begin('split-latency');
try {
  await scenario.shop();
  const file = await scenario.migration();
  for (const command of [['vm', 'join'], ['deploy']]) {
    if ((await scenario.meshlift(file, ...command)).exitCode !== 0) throw new Error(scenario.log.join('\n'));
  }
  await scenario.customersShopping();
  const parsed = parseMigration(parse(await readFile(file, 'utf8')));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { migration } = parsed;

  const watched = await Promise.all(
    migration.spec.clusters.map(async ({ name, context }) =>
      busyCallers(
        migration,
        await openCluster({ name, context, kubeconfigPath: scenario.stage.lab.kubeconfig }),
      ),
    ),
  );
  const failedBefore = (await scenario.customers()).requests;
  const last: number[] = [];
  const written: number[] = [];
  const skews: number[] = [];
  for (let i = 1; i <= Number(shifts); i += 1) {
    const [to, old]: ['vm' | 'k8s', Side] = i % 2 === 1 ? ['k8s', 'vm'] : ['vm', 'k8s'];
    const route = splitRoute(migration, to === 'k8s' ? allOnK8s : allOnVm, 1_000 + i);
    const watching = watched.map((it) => watchOldSide(migration, it, old));
    const started = performance.now();
    await Promise.all(watched.map(({ kube }) => kube.apply(route)));
    written.push(performance.now() - started);
    const times = (await Promise.all(watching)).map((at) => at - started);
    last.push(...times);
    skews.push(Math.max(...times) - Math.min(...times));
    const shown = times.map((it, at) => `${watched[at]?.cluster} ${Math.round(it)} ms`).join(', ');
    process.stderr.write(`${i}: ${shown}\n`);
  }
  const now = (await scenario.customers()).requests;
  process.stdout.write(
    [
      `${shifts} whole shifts in ${watched.length} clusters; ${now.failed - failedBefore.failed} of ${now.total - failedBefore.total} customers' requests failed meanwhile`,
      `both writes done                       ${quantiles(written)}`,
      `write → last request on the old side   ${quantiles(last)}   target p95 250 ms`,
      `skew between clusters                  ${quantiles(skews)}   target p95 50 ms`,
      '',
    ].join('\n'),
  );
  for (const { kube } of watched) kube.close();
} finally {
  await scenario.end();
}

async function busyCallers(migration: Migration, kube: OpenCluster): Promise<Watched> {
  const pods = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: migration.metadata.namespace });
  const first = await countsByPod(migration, kube, pods);
  const seconds = 4;
  await delay(seconds * 1_000);
  const second = await countsByPod(migration, kube, pods);
  const busy = pods.filter(({ metadata: { name } }) => {
    const calls = (second.get(name) ?? 0) - (first.get(name) ?? 0);
    return calls >= callsPerSecond * seconds;
  });
  const names = callersAmong(kube.cluster, busy).map((it) => it.workload);
  if (names.length === 0)
    throw new Error(`no caller in ${kube.cluster} has ${callsPerSecond} calls a second`);
  process.stderr.write(`${kube.cluster}: watching ${names.join(', ')}\n`);
  return { cluster: kube.cluster, kube, pods: busy };
}

async function countsByPod(
  migration: Migration,
  kube: OpenCluster,
  pods: readonly KubeObject[],
  sides: readonly Side[] = ['vm', 'k8s'],
): Promise<Map<string, number>> {
  const { callers, unread } = await readCallers(kube, {
    hosts: sides.map((side) => sideHost(migration, side)),
    port: migration.spec.service.port,
    pods,
    latency: false,
  });
  if (unread[0]) throw new Error(`${unread[0].caller.pod} was not read: ${unread[0].why}`);
  return new Map(
    callers.map(({ caller, calls }) => [caller.pod, calls.reduce((sum, it) => sum + it.count, 0)]),
  );
}

/** The moment at which the old side's counters of a member's busy callers last moved: quiet from then on. */
async function watchOldSide(migration: Migration, { kube, pods }: Watched, old: Side): Promise<number> {
  let before = -1;
  let movedAt = performance.now();
  for (;;) {
    const counts = await countsByPod(migration, kube, pods, [old]);
    const count = [...counts.values()].reduce((sum, it) => sum + it, 0);
    const now = performance.now();
    if (count !== before) {
      before = count;
      movedAt = now;
    } else if (now - movedAt > quietMs) {
      return movedAt;
    }
    await delay(betweenReadsMs);
  }
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0);
  return `p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  max ${at(1)} ms`;
}
