/**
 * Whether the shop is what it has to be on the lab: how soon it serves, how many page views it holds, how much memory it
 * and the whole lab take, how fast its programs start.
 *
 *   node bench/shop-load.ts [minutes] [page views a second]     5 and 40, if not said
 *
 * Brings up a lab of its own with the shop in both clusters and its catalog on the VM, every program with its sidecar.
 * Counts are the load generator's own: an open loop, whose times run from when a request was due. Build the shop first:
 * `npm run build -w @meshlift/shop`. With KEEP_LAB=1 the lab stays. Exit code 1 says that a target was missed.
 */
import { cpus, loadavg } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Process, tracesOf } from '../e2e/lab-traces.ts';
import { Scenario } from '../e2e/scenario.ts';
import { type CustomerStats, ShopCustomers } from '../e2e/shop-customers.ts';
import { catalogInMesh, openShop } from '../e2e/shop-opening.ts';
import { killAndReturn, memoryMb, programs, type ShopProgram, startedInMs } from '../e2e/shop-programs.ts';
import { Figures, gigabytes, seconds } from './figures.ts';
import { cpuSeconds, memoryBytes } from './process-usage.ts';

/** Of 50 requests that customers of the usual mind make, 44 show a page; the others add to a cart and the like. */
const requestsPerView = 50 / 44;
const views = ['home', 'product', 'search', 'cart', 'checkout'];

const [minutes = '5', rate = '40'] = process.argv.slice(2);
if (!(Number(minutes) > 0 && Number(rate) > 0)) {
  process.stderr.write('usage: node bench/shop-load.ts [minutes] [page views a second]\n');
  process.exit(64);
}

const scenario = await Scenario.begin('shop-load');
const { stage } = scenario;
try {
  const loadBefore = loadavg()[0] ?? 0;
  const figures = new Figures();
  say('the VM joins');
  await catalogInMesh(scenario);
  say('the shop opens');
  const opening = await openShop(scenario);
  figures.under('kubectl apply → first whole home page', opening.firstPage, 20, seconds);
  figures.told('  everything available', seconds(opening.available));
  const together = await ofEach((program) => startedInMs(stage, program));

  say('customers come');
  const customers = new ShopCustomers(stage);
  await customers.become({
    RATE: (Number(rate) * requestsPerView).toFixed(1),
    CATALOG_RATE: '0',
    RECOMMENDATION_RATE: '0',
  });
  const { stats, cores } = await shopping(customers);
  const home = stats.byRoute.home?.latency;
  figures.told(
    `page views a second, for ${(stats.seconds / 60).toFixed(1)} minutes`,
    viewsOf(stats).toFixed(1),
  );
  figures.under(`  failed, of ${stats.requests.total} requests`, stats.requests.failed, 0, String);
  figures.under('  home page, p99', home?.p99 ?? Number.NaN, 250, ms);
  figures.told('  p50', ms(home?.p50 ?? Number.NaN));
  figures.under('  whole lab with the shop meanwhile', await memoryBytes(await pids()), 5e9, gigabytes);
  const memory = await ofEach((program) => memoryMb(stage, program));
  largest(
    figures,
    '  largest program, at its peak',
    memory.map(([name, { peak }]) => [name, peak]),
    90,
    (value) => `${value.toFixed(0)} MB`,
  );

  say('each program starts alone');
  const alone: [string, number | null][] = [];
  for (const program of programs) {
    await killAndReturn(scenario, program);
    alone.push([program.name, await startedInMs(stage, program)]);
  }
  largest(figures, 'slowest program from start to ready', alone, 1500, ms);

  const [cpu] = cpus();
  process.stdout.write(
    [
      `${cpus().length} × ${cpu?.model.trim()}, Node ${process.version}, load ${loadBefore.toFixed(1)} before`,
      '',
      figures.table(),
      '',
      `failures                 ${JSON.stringify(stats.failuresByKind)}`,
      `cores in use             ${cores}`,
      `start to ready alone     ${list(alone)} ms`,
      `  all at once, on apply  ${list(together)} ms`,
      `resident / peak          ${memory.map(([name, { resident, peak }]) => `${name} ${resident.toFixed(0)}/${peak.toFixed(0)}`).join(', ')} MB`,
      '',
    ].join('\n'),
  );
  process.exitCode = figures.missed ? 1 : 0;
} finally {
  await scenario.end();
}

/** Lets the customers shop for the time asked for, telling how it goes. */
async function shopping(customers: ShopCustomers): Promise<{ stats: CustomerStats; cores: string }> {
  const mark = await customers.mark();
  const before = await usage();
  const started = performance.now();
  const until = started + Number(minutes) * 60_000;
  while (performance.now() < until) {
    await delay(Math.min(15_000, until - performance.now()));
    const { seconds: passed, requests, byRoute } = await customers.since(mark);
    say(
      `${passed.toFixed(0)} s: ${requests.total} requests, ${requests.failed} failed, home p99 ${byRoute.home?.latency.p99} ms`,
    );
  }
  const after = await usage();
  const passed = (performance.now() - started) / 1000;
  const cores = [...after]
    .map(([kind, used]) => ({ kind, cores: (used - (before.get(kind) ?? 0)) / passed }))
    .sort((a, b) => b.cores - a.cores);
  const all = cores.reduce((sum, each) => sum + each.cores, 0);
  return {
    stats: await customers.since(mark),
    cores: `${all.toFixed(2)}: ${cores
      .filter((each) => each.cores >= 0.01)
      .map((each) => `${each.kind} ${each.cores.toFixed(2)}`)
      .join(', ')}`,
  };
}

/** Seconds that the lab's processes have computed, by what they are. */
async function usage(): Promise<Map<string, number>> {
  const used = new Map<string, number>();
  for (const process of await processes()) {
    const kind = kindOf(process);
    used.set(kind, (used.get(kind) ?? 0) + (await cpuSeconds([process.pid])));
  }
  return used;
}

function kindOf({ argv: [program = '', ...args] }: Process): string {
  const name = basename(program);
  if (name !== 'node') return name;
  return args.some((arg) => arg.endsWith('.mjs') || arg.endsWith('/app/main.mjs')) ? 'the shop' : 'the lab';
}

async function processes(): Promise<readonly Process[]> {
  const { stdout } = await stage.meshlift(['lab', 'status', '--name', stage.labName, '-o', 'json'], {
    quiet: true,
  });
  const { stateDir }: { stateDir: string } = JSON.parse(stdout);
  return (await tracesOf(stateDir, [])).processes;
}

async function pids(): Promise<number[]> {
  return (await processes()).map(({ pid }) => pid);
}

async function ofEach<T>(look: (program: ShopProgram) => Promise<T>): Promise<[string, T][]> {
  return Promise.all(
    programs.map(async (program): Promise<[string, T]> => [program.name, await look(program)]),
  );
}

/** Adds the largest of the values, saying whose it is. Null is a program that does not tell. */
function largest(
  figures: Figures,
  what: string,
  values: readonly (readonly [string, number | null])[],
  target: number,
  show: (value: number) => string,
): void {
  const known = values.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  const [worst] = known.toSorted((a, b) => b.value - a.value);
  figures.under(`${what} (${worst?.name})`, worst?.value ?? Number.NaN, target, show);
}

function list(values: readonly (readonly [string, number | null])[]): string {
  return values.map(([name, value]) => `${name} ${value?.toFixed(0) ?? '–'}`).join(', ');
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function viewsOf({ byRoute, seconds: passed }: CustomerStats): number {
  return views.reduce((total, route) => total + (byRoute[route]?.total ?? 0), 0) / passed;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
