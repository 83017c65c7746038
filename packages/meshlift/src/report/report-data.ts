import { quantile } from '../metrics/histogram.ts';
import type { MigrationStatus, SplitRecord } from '../migration/status.ts';
import type { CallerLedger, SideLedger } from '../migration/traffic-ledger.ts';
import type { Migration } from '../spec/migration.ts';
import { failureMeaning } from './failure-meaning.ts';
import { type Report, reportVersion } from './report.ts';

/** Everything that is recorded about a migration, in the published shape; of a migration that has not begun, too. */
export function reportData(migration: Migration, status: MigrationStatus): Report {
  return {
    apiVersion: reportVersion,
    kind: 'MigrationReport',
    migration: migrationFacts(migration),
    phase: status.phase,
    outcome: { ...status.outcome, at: status.outcome.at || null },
    startedAt: status.startedAt,
    completedAt: status.completedAt,
    retiredAt: status.retiredAt,
    durationSeconds: durationSeconds(status),
    split: status.agreed?.split ?? null,
    requests: requests(status),
    sides: { vm: side(status.traffic?.sides.vm), k8s: side(status.traffic?.sides.k8s) },
    splits: status.splits.map(splitStep),
    timings: timings(status.splits),
    verdicts: status.verdicts.map((it) => ({ ...it })),
    history: status.history.map((it) => ({ ...it })),
  };
}

function migrationFacts({ metadata, spec }: Migration): Report['migration'] {
  const { minRequests, maxErrorRate, maxErrorRateOverVm, p99OverVm } = spec.rollout.gate;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    service: { ...spec.service },
    vm: { hosts: spec.vm.machines.map(({ host }) => host) },
    clusters: spec.clusters.map(({ name, home, target }) => ({ name, home, target })),
    topology: spec.topology,
    retries: spec.net.retries,
    gate: { minRequests, maxErrorRate, maxErrorRateOverVm, p99OverVm },
  };
}

/** Until the migration was finished; of one that is not, until the last thing that was recorded. */
function durationSeconds(status: MigrationStatus): number {
  if (!status.startedAt) return 0;
  const recorded = [
    status.completedAt,
    status.outcome.at,
    status.agreed?.at,
    status.traffic?.until,
    status.splits.at(-1)?.at,
    status.verdicts.at(-1)?.at,
  ];
  const ends = (status.retiredAt ? [status.retiredAt] : recorded).flatMap((it) =>
    it ? [Date.parse(it)] : [],
  );
  const ms = Math.max(...ends, Date.parse(status.startedAt)) - Date.parse(status.startedAt);
  return Math.round(ms / 100) / 10;
}

function requests({ traffic }: MigrationStatus): Report['requests'] {
  return {
    total: traffic?.requests ?? 0,
    failed: traffic?.failed ?? 0,
    caught: traffic ? traffic.sides.vm.caught + traffic.sides.k8s.caught : 0,
    since: traffic?.since ?? null,
    until: traffic?.until ?? null,
    unread: traffic?.unread ?? 0,
    callers: (traffic?.callers ?? []).toSorted((a, b) => b.requests - a.requests).map(caller),
  };
}

function caller({ causes, ...it }: CallerLedger): Report['requests']['callers'][number] {
  return {
    ...it,
    causes: causes
      .toSorted((a, b) => b.count - a.count)
      .map((cause) => ({ ...cause, meaning: failureMeaning(cause) })),
  };
}

function side(ledger: SideLedger | undefined): Report['sides']['vm'] {
  if (!ledger) return { requests: 0, failed: 0, caught: 0, caughtHow: null, p50Ms: null, p99Ms: null };
  const { requests, failed, caught, caughtHow, latency } = ledger;
  return {
    requests,
    failed,
    caught,
    caughtHow: caughtHow ?? null,
    p50Ms: rounded(quantile(latency, 0.5)),
    p99Ms: rounded(quantile(latency, 0.99)),
  };
}

function splitStep({ by, failure, clusters, ...it }: SplitRecord): Report['splits'][number] {
  return {
    ...it,
    by: by ?? null,
    failure: failure ?? null,
    clusters: clusters.map(({ seen, ...cluster }) => ({
      ...cluster,
      seen: seen && { ...seen, interval: seen.interval && [seen.interval[0], seen.interval[1]] },
    })),
  };
}

function timings(splits: readonly SplitRecord[]): Report['timings'] {
  const agreed = splits.filter((it) => it.outcome === 'agreed');
  const known = (values: readonly (number | null)[]) => values.filter((it) => it !== null);
  return {
    acknowledged: spread(known(agreed.flatMap((it) => it.clusters.map((cluster) => cluster.acknowledgedMs)))),
    skew: spread(known(agreed.map((it) => it.skewMs))),
  };
}

function spread(values: readonly number[]): { medianMs: number | null; maxMs: number | null } {
  const sorted = values.toSorted((a, b) => a - b);
  return { medianMs: sorted[Math.floor((sorted.length - 1) / 2)] ?? null, maxMs: sorted.at(-1) ?? null };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
