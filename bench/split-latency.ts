/**
 * How long callers go on with the old side after a split is written, and how far the clusters are apart.
 *
 *   node bench/split-latency.ts meshlift-report/migration.yaml [shifts]
 *
 * Needs a running migration in phase Deployed or Shifting with traffic from every member (`make demo ARGS=--keep` up to
 * step 9 has it). Writes whole splits back and forth, and watches the old side's counters in every calling proxy.
 */
import { homedir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { withContext } from '../packages/meshlift/src/cli/open-context.ts';
import type { EngineContext, MemberCluster } from '../packages/meshlift/src/engine/context.ts';
import { openJournal } from '../packages/meshlift/src/engine/journal.ts';
import { sideHost } from '../packages/meshlift/src/mesh/names.ts';
import { splitRoute } from '../packages/meshlift/src/mesh/split-route.ts';
import { readCallers } from '../packages/meshlift/src/metrics/read-callers.ts';
import {
  allOnK8s,
  allOnVm,
  type Side,
  type TrafficSplit,
} from '../packages/meshlift/src/migration/traffic-split.ts';

const quietMs = 600;
const [file = 'migration.yaml', shifts = '20'] = process.argv.slice(2);
const terminal = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
  streams: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  interactive: false,
  screen: false,
  color: false,
  columns: 100,
  signal: AbortSignal.timeout(600_000),
};

await withContext({ file, output: 'table' }, terminal, { notify: () => undefined }, async (context) => {
  const journal = await openJournal(context);
  let generation = journal.status.generation;
  const last: number[] = [];
  const skews: number[] = [];
  for (let i = 0; i < Number(shifts); i += 1) {
    generation += 1;
    const [to, old]: [TrafficSplit, Side] = i % 2 === 0 ? [allOnK8s, 'vm'] : [allOnVm, 'k8s'];
    const started = performance.now();
    await Promise.all(
      context.members.map(({ kube }) => kube.apply(splitRoute(context.migration, to, generation))),
    );
    const times = await Promise.all(
      context.members.map((member) => lastOldRequest(context, member, old, started)),
    );
    last.push(...times);
    skews.push(Math.max(...times) - Math.min(...times));
    process.stderr.write(`${i + 1}: ${times.map((it) => `${Math.round(it)} ms`).join(', ')}\n`);
  }
  // What is recorded must be true again before we leave.
  await Promise.all(
    context.members.map(({ kube }) =>
      kube.apply(
        splitRoute(
          context.migration,
          journal.status.agreed?.split ?? allOnVm,
          journal.status.agreed?.generation ?? generation,
        ),
      ),
    ),
  );
  process.stdout.write(
    [
      `${shifts} shifts, ${context.members.length} clusters`,
      `write → last request on the old side   ${quantiles(last)}   target p95 250 ms`,
      `skew between clusters                  ${quantiles(skews)}   target p95 50 ms`,
      '',
    ].join('\n'),
  );
});

/** Milliseconds from `started` until the old side's counters of a member last moved: they are quiet afterwards. */
async function lastOldRequest(
  context: EngineContext,
  member: MemberCluster,
  old: Side,
  started: number,
): Promise<number> {
  const { migration } = context;
  const hosts = [sideHost(migration, old)];
  const pods = await member.kube.list({
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: migration.metadata.namespace,
  });
  let before = -1;
  let movedAt = performance.now();
  for (;;) {
    const sample = await readCallers(member.kube, { hosts, port: migration.spec.service.port, pods });
    const count = sample.callers.flatMap((it) => it.calls).reduce((total, it) => total + it.count, 0);
    const now = performance.now();
    if (count !== before) {
      before = count;
      movedAt = now;
    } else if (now - movedAt > quietMs) {
      return movedAt - started;
    }
    await delay(5);
  }
}

function quantiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0);
  return `p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  max ${at(1)} ms`;
}
