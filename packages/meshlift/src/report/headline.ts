import { count, counted, duration, milliseconds } from './figures.ts';
import type { Report } from './report.ts';

/** The sentence that matters most, and whether it is good news. */
export interface Headline {
  readonly news: 'good' | 'bad' | 'none';
  readonly sentence: string;
}

export function headline({ requests: { total, failed } }: Report): Headline {
  if (total === 0) return { news: 'none', sentence: 'No request was counted yet' };
  const sentence = `${count(failed)} of ${counted(total, 'request')} failed`;
  return { news: failed === 0 ? 'good' : 'bad', sentence };
}

/** What the migration is, and how far it came. */
export function standing(report: Report): string {
  const { service, clusters } = report.migration;
  const where = `${service.name} in ${counted(clusters.length, 'cluster')}`;
  switch (report.phase) {
    case 'Retired':
      return `${where}: moved from the VM to Kubernetes, and the VM is retired`;
    case 'Completed':
      return `${where}: moved from the VM to Kubernetes; the VM is still in the mesh, idle`;
    default:
      return `${where}: ${phrase(report)}`;
  }
}

function phrase({ split, phase }: Report): string {
  if (!split) return 'not begun: nothing has been changed';
  if (split.k8s === 0) return `all traffic goes to the VM (${phase})`;
  if (split.vm === 0) return `all traffic goes to Kubernetes, and the way back is open (${phase})`;
  return `${split.k8s} % of traffic goes to Kubernetes, ${split.vm} % to the VM (${phase})`;
}

/** Why the migration does not go on by itself; null while nothing keeps it. */
export function obstacle({ outcome }: Report): string | null {
  switch (outcome.state) {
    case 'Progressing':
      return null;
    case 'Held':
      return `Held: ${outcome.reason}`;
    case 'RolledBack':
      return `Rolled back: ${outcome.reason}`;
    case 'Failed':
      return `Failed: ${outcome.reason}`;
  }
}

/** The figures beside the headline. */
export function keyFigures(report: Report): readonly { readonly name: string; readonly value: string }[] {
  const { durationSeconds, requests, splits, timings } = report;
  return [
    { name: 'duration', value: duration(durationSeconds) },
    { name: 'splits agreed', value: count(splits.filter((it) => it.outcome === 'agreed').length) },
    { name: 'slowest cluster to follow', value: milliseconds(timings.acknowledged.maxMs) },
    { name: 'largest skew', value: milliseconds(timings.skew.maxMs) },
    { name: 'caught by the safety net', value: count(requests.caught) },
  ];
}
