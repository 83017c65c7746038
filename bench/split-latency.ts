/**
 * How long callers go on with the old side after a split is written, and how far the clusters are apart.
 *
 *   node bench/split-latency.ts [shifts] [calls a second]      24 and 200, if not said
 *
 * Brings up a lab of its own with the shop and its customers, who call the catalog, joins the VM and deploys the copy, then
 * writes whole splits back and forth. When the old side had a request of each cluster's callers for the last time is told by
 * its own answers, which the customers' load generator keeps, afterwards: while a split takes effect, nothing but the
 * customers loads the machine. With KEEP_LAB=1 the lab stays. Build the shop first: `npm run build -w @meshlift/shop`.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { customerCount } from '../demo/src/shop.ts';
import { Scenario } from '../e2e/scenario.ts';
import { ShopCustomers } from '../e2e/shop-customers.ts';
import { openCluster } from '../packages/meshlift/src/effects/kube/real.ts';
import { splitRoute } from '../packages/meshlift/src/mesh/split-route.ts';
import { allOnK8s, allOnVm, type Side } from '../packages/meshlift/src/migration/traffic-split.ts';
import { parseMigration } from '../packages/meshlift/src/spec/migration.ts';
import { quantile } from './figures.ts';

/** No request at the old side for so long means that there will be none. */
const quietMs = 1_000;
const lookEveryMs = 500;
const giveUpMs = 30_000;

const [shifts = '24', callsPerSecond = '200'] = process.argv.slice(2);
if (!(Number(shifts) > 0 && Number(callsPerSecond) > 0)) {
  process.stderr.write('usage: node bench/split-latency.ts [shifts] [calls a second]\n');
  process.exit(64);
}
/** Calls of the catalog: 70 % in cluster2, 30 % in cluster1, and somebody who looks at a page. */
const catalogCalls = {
  RATE: '1',
  CATALOG_RATE: String(Math.round(0.7 * Number(callsPerSecond))),
  RECOMMENDATION_RATE: String(Math.round(0.3 * Number(callsPerSecond))),
};

const scenario = await Scenario.begin('split-latency');
try {
  const file = await scenario.deployed();
  await new ShopCustomers(scenario.stage).become(catalogCalls);
  await scenario.meanwhile(1_000);
  const parsed = parseMigration(parse(await readFile(file, 'utf8')));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { migration } = parsed;
  const clusters = await Promise.all(
    migration.spec.clusters.map(({ name, context }) =>
      openCluster({ name, context, kubeconfigPath: scenario.stage.lab.kubeconfig }),
    ),
  );

  const begun = await customerCount(scenario.stage);
  const [last, written, skews]: [number[], number[], number[]] = [[], [], []];
  for (let i = 1; i <= Number(shifts); i += 1) {
    const [to, old]: [Side, Side] = i % 2 === 1 ? ['k8s', 'vm'] : ['vm', 'k8s'];
    const route = splitRoute(migration, to === 'k8s' ? allOnK8s : allOnVm, 1_000 + i);
    const started = Date.now();
    await Promise.all(clusters.map((kube) => kube.apply(route)));
    written.push(Date.now() - started);
    const times = (
      await lastRequests(
        clusters.map((it) => it.cluster),
        old,
      )
    ).map((at) => at - started);
    last.push(...times);
    skews.push(Math.max(...times) - Math.min(...times));
    process.stderr.write(
      `${i}: ${times.map((it, at) => `${clusters[at]?.cluster} ${Math.round(it)} ms`).join(', ')}\n`,
    );
  }
  const ended = await customerCount(scenario.stage);
  const requests = ended.requests.total - begun.requests.total;
  process.stdout.write(
    [
      `${shifts} whole shifts in ${clusters.length} clusters; ${ended.requests.failed - begun.requests.failed} of ${requests} customers' requests failed meanwhile`,
      `both writes done                      ${quantiles(written)}`,
      `write → last request on the old side  ${quantiles(last)}   target p95 250 ms`,
      `skew between clusters                 ${quantiles(skews)}   target p95 50 ms`,
      '',
    ].join('\n'),
  );
  for (const kube of clusters) kube.close();
} finally {
  await scenario.end();
}

/** When each cluster's callers last reached the old side, ms since the epoch: once all have been without it for a while. */
async function lastRequests(clusters: readonly string[], old: Side): Promise<number[]> {
  const since = Date.now();
  for (;;) {
    await delay(lookEveryMs);
    const { lastAt = {} } = (await customerCount(scenario.stage)).catalogCalls ?? {};
    const times = clusters.map((name) => {
      const at = lastAt[name]?.[old];
      if (!at) throw new Error(`no caller in ${name} reached the ${old} side: nothing to measure`);
      return Date.parse(at);
    });
    if (Date.now() - Math.max(...times, since) > quietMs) return times;
    if (Date.now() - since > giveUpMs) throw new Error(`the ${old} side still answers after ${giveUpMs} ms`);
  }
}

function quantiles(values: readonly number[]): string {
  const at = (q: number) => Math.round(quantile(values, q));
  return `p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  max ${at(1)} ms`;
}
