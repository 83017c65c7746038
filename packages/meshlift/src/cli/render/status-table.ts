import type { MigrationStatus } from '../../migration/status.ts';
import { formatSplit } from '../../migration/traffic-split.ts';
import { caughtSentences } from '../../report/caught.ts';
import type { Migration } from '../../spec/migration.ts';

/** The record without its long lists: where the migration stands. */
export function statusData(status: MigrationStatus): Record<string, unknown> {
  const { splits, verdicts, traffic, ...rest } = status;
  return {
    ...rest,
    lastSplit: splits.at(-1) ?? null,
    lastVerdict: verdicts.at(-1) ?? null,
    requests: traffic && {
      total: traffic.requests,
      failed: traffic.failed,
      caught: { vm: traffic.sides.vm.caught, k8s: traffic.sides.k8s.caught },
    },
  };
}

export function statusTable(migration: Migration, status: MigrationStatus): string {
  const { namespace, name } = migration.metadata;
  const last = status.splits.at(-1);
  const lines = [
    `${namespace}/${name}  ${status.phase}  ${status.outcome.state}`,
    status.agreed
      ? `agreed    ${formatSplit(status.agreed.split)} (write ${status.agreed.generation})`
      : 'agreed    no split',
  ];
  for (const cluster of last?.clusters ?? []) {
    const { acknowledged, total } = cluster.proxies;
    const seen = cluster.seen?.interval
      ? `seen ${cluster.seen.k8sPercent} % k8s (95 %: ${cluster.seen.interval[0]} to ${cluster.seen.interval[1]} %) in ${cluster.seen.requests} requests`
      : 'no requests seen';
    lines.push(
      `${cluster.cluster.padEnd(9)} ${acknowledged}/${total} proxies after ${cluster.acknowledgedMs} ms, ${seen}`,
    );
  }
  if (last?.skewMs !== null && last?.skewMs !== undefined) lines.push(`skew      ${last.skewMs} ms`);
  if (last?.stillRunning?.running)
    lines.push(
      `running   ${last.stillRunning.running} begun before ran on, on the ${last.stillRunning.side} side`,
    );
  if (status.traffic)
    lines.push(`requests  ${status.traffic.requests} in all, ${status.traffic.failed} failed`);
  for (const sentence of status.traffic ? caughtSentences(status.traffic) : [])
    lines.push(`net       ${sentence}`);
  if (status.outcome.state !== 'Progressing')
    lines.push(`why       ${status.outcome.reason}`, `next      ${status.outcome.next}`);
  return `${lines.join('\n')}\n`;
}
