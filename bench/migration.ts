/**
 * How fast a migration's own commands are for whoever waits for them, and whether the share that they tell is true.
 *
 *   node bench/migration.ts [shifts]      50, if not said
 *
 * Brings up a lab of its own with the shop and its customers, who call the catalog 200 times a second, joins the VM,
 * deploys the copy, and runs `meshlift shift` and `meshlift rollback` as a person would, timed from before the process
 * starts. Each shift's share, as it was seen in each cluster, is compared with their own count from then on.
 * With KEEP_LAB=1 the lab stays. Exit code 1 says that a target was missed. Build first:
 * `npm run build -w meshlift -w @meshlift/shop`.
 */
import { join } from 'node:path';
import { runCommand } from '../demo/src/command.ts';
import { type CustomerCount, customerCount } from '../demo/src/shop.ts';
import { root, Scenario } from '../e2e/scenario.ts';
import { ShopCustomers } from '../e2e/shop-customers.ts';
import { Figures, quantile, seconds } from './figures.ts';

const rollbacks = 10;
/** of each cluster; many times what a command waits for */
const callsToCompare = 300;

const [shifts = '50'] = process.argv.slice(2);
if (!(Number(shifts) > 0)) {
  process.stderr.write('usage: node bench/migration.ts [shifts]\n');
  process.exit(64);
}

interface Timed {
  /** from before the command was started until it said that every proxy of every cluster has acknowledged; seconds */
  readonly acknowledged: number;
  /** until it said that callers were seen following in every cluster as well, and that the split is agreed */
  readonly agreed: number;
  /** the customers' count when the last cluster's proxies had acknowledged */
  readonly counted: CustomerCount;
}

const scenario = await Scenario.begin('bench-migration');
try {
  const file = await scenario.deployed();
  await new ShopCustomers(scenario.stage).become({
    RATE: '1',
    CATALOG_RATE: '140',
    RECOMMENDATION_RATE: '60',
  });
  await scenario.meanwhile(1_000);

  const begun = await customerCount(scenario.stage);
  const beganAt = performance.now();
  const [acknowledged, agreed, skews]: [number[], number[], number[]] = [[], [], []];
  let [shares, held] = [0, 0];
  for (let i = 1; i <= Number(shifts); i += 1) {
    // Far enough from the last one that it could not be taken for it.
    const percent = i % 2 === 1 ? 10 + (i % 30) : 60 + (i % 30);
    const timed = await run(file, 'shift', String(percent));
    acknowledged.push(timed.acknowledged);
    agreed.push(timed.agreed);
    const after = await manyCallsSince(timed.counted);
    const { clusters, skewMs } = (await scenario.status()).splits.at(-1);
    skews.push(skewMs / 1000);
    for (const { cluster, seen } of clusters) {
      const [low, high] = seen.interval;
      const { k8s, all } = callsIn(cluster, timed.counted, after);
      const share = (100 * k8s) / all;
      shares += 1;
      if (low <= share && share <= high) held += 1;
    }
    process.stderr.write(
      `${i}: ${percent} % acknowledged after ${seconds(timed.acknowledged)}, seen after ${seconds(timed.agreed)}\n`,
    );
  }
  const rate = callsOf(await customerCount(scenario.stage), begun) / ((performance.now() - beganAt) / 1000);

  const back: number[] = [];
  for (let i = 1; i <= rollbacks; i += 1) {
    await run(file, 'shift', '50');
    back.push((await run(file, 'rollback')).agreed);
    process.stderr.write(`rollback ${i}: verified after ${seconds(back.at(-1) ?? 0)}\n`);
  }
  const over = await customerCount(scenario.stage);

  const figures = new Figures();
  figures.told('calls of the catalog a second', rate.toFixed(0));
  figures.under(
    `failed, of ${over.requests.total - begun.requests.total} requests`,
    over.requests.failed - begun.requests.failed,
    0,
    String,
  );
  figures.told(
    'shift → acknowledged by every proxy of both clusters, median',
    seconds(quantile(acknowledged, 0.5)),
  );
  figures.under('  p95', quantile(acknowledged, 0.95), 1, seconds);
  figures.told('  skew of the clusters, median', seconds(quantile(skews, 0.5)));
  figures.told('shift → share seen in both clusters, median', seconds(quantile(agreed, 0.5)));
  figures.told('rollback from 50 % → verified, median', seconds(quantile(back, 0.5)));
  figures.under(`  the slowest of ${rollbacks}`, quantile(back, 1), 1.5, seconds);
  figures.under(
    `shares outside their 95 % interval, of ${shares}, by the customers' count`,
    shares - held,
    Math.floor(shares / 10),
    String,
  );
  process.stdout.write(`${figures.table()}\n`);
  if (figures.missed) process.exitCode = 1;
} finally {
  await scenario.end();
}

/** Runs a command of the migration, noting when it says what. */
async function run(file: string, ...command: string[]): Promise<Timed> {
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  const waiting = new Set(scenario.stage.lab.clusters.map(({ name }) => name));
  let [acknowledged, agreed] = [Number.NaN, Number.NaN];
  let counted: Promise<CustomerCount> | null = null;
  const { exitCode, stderr } = await runCommand(
    [process.execPath, join(root, 'packages/meshlift/bin/meshlift.js'), '-f', file, ...command],
    {
      env: { KUBECONFIG: scenario.stage.lab.kubeconfig },
      signal: AbortSignal.timeout(120_000),
      onLine: (line) => {
        if (/ agreed by \d+ clusters$/.test(line)) agreed = passed();
        waiting.delete(/proxies in (\S+) serve it after/.exec(line)?.[1] ?? '');
        if (waiting.size > 0 || counted) return;
        acknowledged = passed();
        counted = customerCount(scenario.stage);
      },
    },
  );
  if (exitCode !== 0 || !counted) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr}`);
  return { acknowledged, agreed, counted: await counted };
}

/**
 * The customers' count once it tells the share better than the command could: fewer calls would be a sample of their
 * own, as far from the truth as the command's, and twice as far from that.
 */
function manyCallsSince(before: CustomerCount): Promise<CustomerCount> {
  return scenario.until('calls enough to compare with', async () => {
    const now = await customerCount(scenario.stage);
    const enough = scenario.stage.lab.clusters.every(
      ({ name }) => callsIn(name, before, now).all >= callsToCompare,
    );
    return enough ? now : null;
  });
}

/** What was called in a cluster between two counts. */
function callsIn(cluster: string, before: CustomerCount, after: CustomerCount) {
  const grown = (side: string) => {
    const of = (count: CustomerCount) => count.catalogCalls?.byCluster?.[cluster]?.[side] ?? 0;
    return of(after) - of(before);
  };
  const k8s = grown('k8s');
  return { k8s, all: k8s + grown('vm') };
}

function callsOf(after: CustomerCount, before: CustomerCount): number {
  return (after.catalogCalls?.total ?? 0) - (before.catalogCalls?.total ?? 0);
}
