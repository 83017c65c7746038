/**
 * Whether a million calls come through whole migrations with rollbacks, and with the engine killed again and again.
 *
 *   node bench/soak.ts [calls] [calls a second]      1,000,000 and 500, if not said
 *
 * Brings up a lab of its own with the shop, whose customers call the catalog at that rate. One engine after another
 * migrates it: each is killed with SIGKILL at a moment drawn at random, and the next goes on; at a step drawn at random,
 * and every time after Kubernetes has become the service's home, everything is rolled back and begins anew. Once the
 * calls are made the last migration is run to its end and the VM retired. Counts are the load generator's own: not one
 * request may fail. The exit code is 1 if one did, or if the customers could not keep their rate up. SEED=N repeats a
 * run's moments. Build first: `npm run build -w meshlift -w @meshlift/shop`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CustomerCount } from '../demo/src/shop.ts';
import { startEngine } from '../e2e/engine.ts';
import { Scenario } from '../e2e/scenario.ts';
import { ShopCustomers } from '../e2e/shop-customers.ts';
import { seeded } from '../packages/meshlift/src/metrics/testdata/seeded.ts';
import { Figures } from './figures.ts';

const [wanted = 1_000_000, rate = 500] = process.argv.slice(2).map(Number);
if (!(wanted > 0 && rate > 0)) {
  process.stderr.write('usage: node bench/soak.ts [calls] [calls a second]\n');
  process.exit(64);
}
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const random = seeded(seed);
/** requests, of the latest count */
let lastTotal = 0;

const scenario = await Scenario.begin('soak');
const done = { kills: 0, rollbacks: 0, migrations: 0 };
try {
  const file = await scenario.deployed((draft) => {
    draft.spec.rollout.hold = '10s';
    draft.spec.rollout.gate.interval = '2s';
    // Retiring is the last thing of all: there is no way back from it.
    draft.spec.retire = { idle: '10s' };
  });
  await new ShopCustomers(scenario.stage).become({
    RATE: '1',
    CATALOG_RATE: String(Math.round(rate * 0.85)),
    RECOMMENDATION_RATE: String(Math.round(rate * 0.15)),
  });
  const begun = await atFullRate();
  const beganAt = performance.now();
  say(`${wanted} calls, at ${rate} a second, seed ${seed}`);
  const over = new AbortController();
  const telling = tellProgress(begun, over.signal);
  let count = begun;
  try {
    while (calls(count, begun) < wanted) {
      const completed = await migrateAmidKills(file, Math.floor(random() * 4));
      await untilEnded(file, 'rollback');
      done.rollbacks += 1;
      if (completed) done.migrations += 1;
      count = await counted();
    }
  } finally {
    over.abort();
    await telling;
  }
  const passed = (performance.now() - beganAt) / 1000;
  say('the last migration goes to its end');
  await untilEnded(file, 'run');
  await untilEnded(file, 'retire');
  const end = await counted();

  const figures = new Figures();
  figures.told('calls of the catalog', String(calls(end, begun)));
  figures.told(
    'migrations to their end, rollbacks, engines killed',
    `${done.migrations + 1}, ${done.rollbacks}, ${done.kills}`,
  );
  figures.under('failed, of all requests', end.requests.failed - begun.requests.failed, 0, String);
  // What falls short of the rate, so that less is better here as everywhere.
  figures.under(
    'calls a second that are missing',
    Math.max(0, rate - calls(count, begun) / passed),
    rate * 0.02,
    (it) => it.toFixed(1),
  );
  figures.told('seed', String(seed));
  process.stdout.write(`${figures.table()}\n`);
  if (end.requests.failed > begun.requests.failed)
    process.stdout.write(`${JSON.stringify(end.failuresByKind)}\n`);
  if (figures.missed) process.exitCode = 1;
} finally {
  await scenario.end();
}

/** Customers who have kept their rate up for some seconds: what was cold when they came is warm. */
async function atFullRate(): Promise<CustomerCount> {
  let before: { readonly at: number; readonly count: CustomerCount } | null = null;
  return scenario.until('customers who keep the rate up', async () => {
    const now = { at: performance.now(), count: await askedCount() };
    const seconds = before ? (now.at - before.at) / 1000 : 0;
    if (before && seconds < 5) return null;
    const kept = before !== null && calls(now.count, before.count) / seconds >= rate * 0.98;
    before = now;
    return kept ? now.count : null;
  });
}

/**
 * Has engines migrate the service, `kills` of which are killed on their way; answers whether Kubernetes is its home
 * then. An engine may end before its turn to be killed comes.
 */
async function migrateAmidKills(file: string, kills: number): Promise<boolean> {
  for (let i = 0; i < kills; i += 1) {
    const engine = startEngine(scenario.stage.lab.kubeconfig, file, ['run']);
    const moment = new AbortController();
    await Promise.race([
      engine.ended,
      delay(random() * 40_000, undefined, { signal: moment.signal }).catch(() => undefined),
    ]);
    moment.abort();
    if (!engine.hasEnded()) {
      engine.signal('SIGKILL');
      done.kills += 1;
    }
    await engine.ended;
  }
  // One in three turns back where the last engine was killed.
  if (kills > 0 && random() < 0.33) return false;
  await untilEnded(file, 'run');
  return true;
}

async function tellProgress(begun: CustomerCount, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await delay(5_000, undefined, { signal: over }).catch(() => undefined);
    const count = await counted();
    say(
      `${calls(count, begun)} calls, ${count.requests.failed - begun.requests.failed} requests failed; ` +
        `${done.migrations} migrations, ${done.rollbacks} rollbacks, ${done.kills} engines killed` +
        (count.requests.failed > begun.requests.failed ? ` ${JSON.stringify(count.failuresByKind)}` : ''),
    );
  }
}

/** Runs a command to its end, again as long as an engine that was killed still has the Lease. */
async function untilEnded(file: string, command: string): Promise<void> {
  await scenario.until(
    `the end of ${command}`,
    async () => {
      const { exitCode, stderr } = await scenario.meshlift(file, command);
      scenario.log.length = 0;
      if (exitCode === 0) return true;
      if (stderr.includes('is driving it')) return null;
      throw new Error(`${command} ended with ${exitCode} (seed ${seed}):\n${stderr}`);
    },
    300_000,
  );
}

/** The customers' count, asked for through the same API servers as everything else, which may be too busy for a moment. */
async function askedCount(): Promise<CustomerCount> {
  return scenario.until('the count of the customers', () => scenario.customers().catch(() => null));
}

/** Throws when it is smaller than before: customers who came anew have forgotten what failed. */
async function counted(): Promise<CustomerCount> {
  const count = await askedCount();
  if (count.requests.total < lastTotal)
    throw new Error('the load generator has started anew, and its count with it');
  lastTotal = count.requests.total;
  return count;
}

function calls(count: CustomerCount, since: CustomerCount): number {
  return (count.catalogCalls?.total ?? 0) - (since.catalogCalls?.total ?? 0);
}

function say(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
