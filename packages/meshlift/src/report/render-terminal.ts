import { clockTime, count, failureShare, interval, milliseconds, percent, timestamp } from './figures.ts';
import { headline, keyFigures, obstacle, standing } from './headline.ts';
import type { ClusterSplit, Report } from './report.ts';
import { type TextColumn, textTable } from './text-table.ts';

export interface TerminalOptions {
  /** width of the terminal in characters */
  readonly columns: number;
  /** whether to use ANSI colors; the caller knows of terminals and NO_COLOR */
  readonly color: boolean;
}

type Paint = (text: string) => string;
interface Paints {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
}

/** The report for a terminal: the headline, then calm tables. Ends with a newline. */
export function renderTerminal(report: Report, { columns, color }: TerminalOptions): string {
  const paints = color ? ansi : plain;
  const sections = [
    opening(report, paints),
    splits(report, columns, paints),
    sides(report, columns, paints),
    callers(report, columns, paints),
    failures(report, columns, paints),
    verdicts(report, columns, paints),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function opening(report: Report, { bold, dim, good, bad }: Paints): readonly string[] {
  const { news, sentence } = headline(report);
  const paint = news === 'good' ? good : news === 'bad' ? bad : bold;
  const kept = obstacle(report);
  return [
    bold(printable(standing(report))),
    '',
    `  ${paint(bold(sentence))}`,
    ...(kept ? [`  ${bad(printable(kept))}`, `  next: ${printable(report.outcome.next)}`] : []),
    ...report.splits.flatMap(({ at, failure }) =>
      failure ? [`  ${clockTime(at)} ${printable(failure)}`] : [],
    ),
    ...(report.requests.unread > 0
      ? [`  ${count(report.requests.unread)} times a caller could not be read: requests may be missing`]
      : []),
    '',
    ...keyFigures(report).map(({ name, value }) => `  ${dim(name.padEnd(28))}${value}`),
  ];
}

function splits({ splits: steps }: Report, width: number, paints: Paints): readonly string[] {
  const rows = steps.flatMap((step) => {
    const set = `${step.split.vm} / ${step.split.k8s}`;
    const head = [clockTime(step.at), set];
    const skew = milliseconds(step.skewMs);
    // A split that no cluster took has no record of a cluster, and must not vanish from the table.
    if (step.clusters.length === 0) return [[...head, '–', '–', '–', '–', '–', '–', skew, outcome(step)]];
    return step.clusters.map((cluster, i) => [
      ...(i === 0 ? head : ['', '']),
      cluster.cluster,
      ...clusterCells(cluster),
      i === 0 ? skew : '',
      i === 0 ? outcome(step) : '',
    ]);
  });
  const columns: readonly TextColumn[] = [
    { title: 'at (UTC)' },
    { title: 'vm / k8s %', align: 'right' },
    { title: 'cluster' },
    { title: 'k8s seen', align: 'right' },
    { title: '95 % interval', align: 'right', optional: true },
    { title: 'of requests', align: 'right', optional: true },
    { title: 'proxies', align: 'right', optional: true },
    { title: 'served in', align: 'right' },
    { title: 'skew', align: 'right' },
    { title: 'outcome' },
  ];
  return section('Splits', columns, rows, width, paints);
}

function clusterCells({ seen, proxies, acknowledgedMs }: ClusterSplit): readonly string[] {
  return [
    percent(seen?.k8sPercent ?? null),
    interval(seen?.interval ?? null),
    seen ? count(seen.requests) : '–',
    `${proxies.acknowledged}/${proxies.total}`,
    milliseconds(acknowledgedMs),
  ];
}

function outcome(step: Report['splits'][number]): string {
  return step.outcome === 'agreed' ? 'agreed' : 'not agreed';
}

function sides({ sides: both, requests }: Report, width: number, paints: Paints): readonly string[] {
  if (requests.total === 0) return [];
  const rows = (['vm', 'k8s'] as const).map((name) => {
    const side = both[name];
    return [
      name,
      count(side.requests),
      count(side.failed),
      failureShare(side.failed, side.requests),
      count(side.caught),
      milliseconds(side.p50Ms),
      milliseconds(side.p99Ms),
    ];
  });
  const columns: readonly TextColumn[] = [
    { title: 'side' },
    { title: 'requests', align: 'right' },
    { title: 'failed', align: 'right' },
    { title: 'share', align: 'right' },
    { title: 'caught', align: 'right' },
    { title: 'p50', align: 'right' },
    { title: 'p99', align: 'right' },
  ];
  return section('Both sides', columns, rows, width, paints);
}

function callers({ requests }: Report, width: number, paints: Paints): readonly string[] {
  const rows = requests.callers.map((it) => [
    it.workload,
    it.namespace,
    it.cluster,
    count(it.requests),
    count(it.failed),
    failureShare(it.failed, it.requests),
  ]);
  const columns: readonly TextColumn[] = [
    { title: 'caller' },
    { title: 'namespace' },
    { title: 'cluster' },
    { title: 'requests', align: 'right' },
    { title: 'failed', align: 'right' },
    { title: 'share', align: 'right' },
  ];
  return section('Callers', columns, rows, width, paints);
}

function failures({ requests }: Report, width: number, paints: Paints): readonly string[] {
  const rows = requests.callers.flatMap((it) =>
    it.causes.map((cause) => [
      `${it.workload}.${it.namespace} in ${it.cluster}`,
      count(cause.count),
      cause.responseCode === null ? '–' : String(cause.responseCode),
      cause.grpcStatus === null ? '–' : String(cause.grpcStatus),
      cause.flags || '–',
      cause.meaning,
    ]),
  );
  const columns: readonly TextColumn[] = [
    { title: 'caller' },
    { title: 'failed', align: 'right' },
    { title: 'HTTP', align: 'right', optional: true },
    { title: 'gRPC', align: 'right', optional: true },
    { title: 'flags' },
    { title: 'meaning' },
  ];
  return section('Failed requests', columns, rows, width, paints);
}

/** The run of verdicts of one split says as much as its last one, and how many there were of each kind. */
function verdicts(report: Report, width: number, paints: Paints): readonly string[] {
  const bySplit = Map.groupBy(report.verdicts, ({ split }) => `${split.vm} / ${split.k8s}`);
  const rows = [...bySplit].map(([split, all]) => {
    const of = (kind: string) => count(all.filter((it) => it.verdict === kind).length);
    const last = all.at(-1);
    return [
      split,
      of('pass'),
      of('fail'),
      of('inconclusive'),
      of('error'),
      last ? `${last.verdict}: ${last.because}` : '',
    ];
  });
  const columns: readonly TextColumn[] = [
    { title: 'vm / k8s %', align: 'right' },
    { title: 'passed', align: 'right' },
    { title: 'failed', align: 'right' },
    { title: 'inconclusive', align: 'right', optional: true },
    { title: 'no metrics', align: 'right', optional: true },
    { title: 'last' },
  ];
  const lines = section('Verdicts of the gate', columns, rows, width, paints);
  return lines.length === 0
    ? []
    : [...lines, `  ${paints.dim(`recorded from ${timestamp(report.verdicts[0]?.at ?? null)} UTC`)}`];
}

function section(
  title: string,
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number,
  { bold, dim }: Paints,
): readonly string[] {
  if (rows.length === 0) return [];
  const [titles = '', ...lines] = textTable(
    columns,
    rows.map((row) => row.map(printable)),
    width - 2,
  );
  return [bold(title), `  ${dim(titles)}`, ...lines.map((line) => `  ${line}`)];
}

/** Names and reasons come from clusters and people: no control character of theirs may reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

const plain: Paints = { bold: same, dim: same, good: same, bad: same };
const ansi: Paints = { bold: sgr(1, 22), dim: sgr(2, 22), good: sgr(32, 39), bad: sgr(31, 39) };

function same(text: string): string {
  return text;
}

function sgr(on: number, off: number): Paint {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}
