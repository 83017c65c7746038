import { clockTime, duration } from './figures.ts';
import { type Markup, markup } from './markup.ts';
import type { Report, SplitStep, VerdictReport } from './report.ts';

const plotHeight = 220;
const stripAt = plotHeight + 46;
const chartHeight = stripAt + 14;
/** Quiet time before the first shift and after the last event, as a share of what is in between. */
const margin = 0.06;

/** Shapes as well as tones tell the clusters apart, for print and for eyes that see no difference of color. */
const shapes = [
  'M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z',
  'M-4-4h8v8h-8z',
  'M0-5.5L5 4H-5z',
  'M0-6L6 0L0 6L-6 0z',
];

interface Scale {
  readonly from: number;
  readonly to: number;
  /** a moment's place, in percent of the width */
  x(at: number): string;
}

/**
 * The split over time: what was set as steps, what callers of each cluster saw as marks with their 95 % interval.
 * Places are percentages, so that the drawing follows the page's width while its text keeps its size. Null when there
 * is nothing to draw yet.
 */
export function splitChart(report: Report): Markup | null {
  const scale = timeScale(report);
  if (!scale) return null;
  return markup`<figure class="chart">
<div class="plot"><svg role="img" aria-labelledby="chart-title chart-text" width="100%" height="${chartHeight}">
<title id="chart-title">Share of requests sent to Kubernetes over time</title>
<desc id="chart-text">${inWords(report)} The table of steps below has the same figures.</desc>
${areas(report, scale)}${grid()}${milestones(report, scale)}${returned(report, scale)}${seen(report, scale)}${timeAxis(scale)}${verdictStrip(report.verdicts, scale)}
</svg></div>
<figcaption>${legend(report)}</figcaption>
</figure>`;
}

export function clusterMark(report: Report, cluster: string): Markup {
  const i = report.migration.clusters.findIndex(({ name }) => name === cluster);
  return markup`<path class="seen c${(i + shapes.length) % shapes.length}" d="${shapes[i % shapes.length] ?? shapes[0] ?? ''}"/>`;
}

function timeScale(report: Report): Scale | null {
  const first = report.splits.find(({ split }) => split.k8s > 0);
  if (!first) return null;
  const start = Date.parse(first.at);
  const moments = [report.completedAt, report.splits.at(-1)?.at, report.verdicts.at(-1)?.at].flatMap((at) =>
    at ? [Date.parse(at)] : [],
  );
  const end = Math.max(start + 1_000, ...moments);
  const from = start - margin * (end - start);
  const to = end + margin * (end - start);
  return { from, to, x: (at) => `${round((100 * (at - from)) / (to - from))}%` };
}

/** What stood when: the agreed splits, and 100 % Kubernetes once the route was taken away. */
function stretches({ splits, completedAt }: Report, { from, to }: Scale): readonly Stretch[] {
  const changes = splits
    .filter(({ outcome }) => outcome === 'agreed')
    .map(({ at, split }) => ({ at: Date.parse(at), k8s: split.k8s }));
  if (completedAt) changes.push({ at: Date.parse(completedAt), k8s: 100 });
  const before = changes.findLast(({ at }) => at <= from)?.k8s ?? 0;
  const within = changes.filter(({ at }) => at > from && at <= to);
  return [{ at: from, k8s: before }, ...within].map((it, i, all) => ({ ...it, until: all[i + 1]?.at ?? to }));
}

interface Stretch {
  readonly at: number;
  readonly until: number;
  readonly k8s: number;
}

function areas(report: Report, scale: Scale): Markup {
  const all = stretches(report, scale);
  const width = (from: number, to: number) => `${round((100 * (to - from)) / (scale.to - scale.from))}%`;
  const drawn = all.map(({ at, until, k8s }, i) => {
    const y = level(k8s);
    const x = scale.x(at);
    const before = all[i - 1]?.k8s ?? k8s;
    const wide = until - at > 0.07 * (scale.to - scale.from);
    return markup`<rect class="k8s" x="${x}" y="${y}" width="${width(at, until)}" height="${plotHeight - y}"/>
<line class="set" x1="${x}" x2="${scale.x(until)}" y1="${y}" y2="${y}"/>${before === k8s ? null : markup`<line class="set" x1="${x}" x2="${x}" y1="${level(before)}" y2="${y}"/>`}
${wide && before !== k8s ? markup`<text class="level" x="${scale.x((at + until) / 2)}" y="${y + (k8s > 85 ? 18 : -9)}" text-anchor="middle">${k8s} %</text>` : null}`;
  });
  const kubernetes = all.toSorted((a, b) => size(b) - size(a)).find(({ k8s }) => k8s > 15) ?? null;
  return markup`<rect class="vm" x="0" y="0" width="100%" height="${plotHeight}"/>${drawn}
<text class="side" x="10" y="20">VM</text>${kubernetes && markup`<text class="side" x="${scale.x((kubernetes.at + kubernetes.until) / 2)}" y="${plotHeight - 10}" text-anchor="middle">Kubernetes</text>`}`;
}

function size({ at, until, k8s }: Stretch): number {
  return (until - at) * k8s;
}

function grid(): Markup {
  return markup`${[0, 25, 50, 75, 100].map(
    (share) =>
      markup`<text class="axis" x="-8" y="${level(share) + 4}" text-anchor="end">${share} %</text><line class="grid" x1="0" x2="100%" y1="${level(share)}" y2="${level(share)}"/>`,
  )}`;
}

function milestones(report: Report, scale: Scale): Markup {
  if (!report.completedAt) return markup``;
  const x = scale.x(Date.parse(report.completedAt));
  return markup`<line class="milestone" x1="${x}" x2="${x}" y1="0" y2="${plotHeight}"/><svg x="${x}" y="${plotHeight - 30}" overflow="visible"><text class="axis" x="-6" text-anchor="end">completed</text></svg>`;
}

/** Splits that not every cluster took, at the share that was tried. */
function returned({ splits }: Report, scale: Scale): Markup {
  const tried = splits.filter(({ outcome, at }) => outcome === 'returned' && Date.parse(at) >= scale.from);
  return markup`${tried.map(
    ({ at, split }) =>
      markup`<svg x="${scale.x(Date.parse(at))}" y="${level(split.k8s)}" overflow="visible"><path class="returned" d="M-5-5L5 5M-5 5L5-5"/></svg>`,
  )}`;
}

function seen(report: Report, scale: Scale): Markup {
  const steps = report.splits.filter(({ at }) => Date.parse(at) >= scale.from);
  return markup`${steps.map((step) => seenOf(report, step, scale))}`;
}

function seenOf(report: Report, step: SplitStep, scale: Scale): readonly Markup[] {
  return step.clusters.flatMap(({ cluster, seen: share, acknowledgedMs }, i) => {
    if (share?.k8sPercent === null || share?.k8sPercent === undefined || !share.interval) return [];
    const [low, high] = share.interval;
    const y = level(share.k8sPercent);
    // Beside the step's riser and beside each other: what was seen is of the seconds after the step, not of its instant.
    return markup`<svg x="${scale.x(Date.parse(step.at) + (acknowledgedMs ?? 0))}" y="${y}" overflow="visible"><g transform="translate(${12 + 13 * i})"><line class="interval" y1="${level(high) - y}" y2="${level(low) - y}"/>${clusterMark(report, cluster)}<title>${cluster}: ${share.k8sPercent} % seen (95 %: ${low} to ${high} %) in ${share.requests} requests</title></g></svg>`;
  });
}

function timeAxis(scale: Scale): Markup {
  const start = scale.from + ((scale.to - scale.from) * margin) / (1 + 2 * margin);
  const step = tickEvery(scale.to - start);
  const ticks = Array.from({ length: Math.floor((scale.to - start) / step) + 1 }, (_, i) => start + i * step);
  return markup`${ticks.map(
    (at) =>
      markup`<line class="tick" x1="${scale.x(at)}" x2="${scale.x(at)}" y1="${plotHeight}" y2="${plotHeight + 5}"/><text class="axis" x="${scale.x(at)}" y="${plotHeight + 20}" text-anchor="middle">${duration((at - start) / 1_000).replace(/ 0 (s|min)$/, '')}</text>`,
  )}`;
}

/** The round time between ticks that leaves at most five of them. */
function tickEvery(ms: number): number {
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];
  const fitting = seconds.find((it) => ms / (it * 1_000) <= 5);
  return 1_000 * (fitting ?? 86_400 * Math.ceil(ms / (5 * 86_400_000)));
}

function verdictStrip(verdicts: readonly VerdictReport[], scale: Scale): Markup {
  const within = verdicts.filter(({ at }) => Date.parse(at) >= scale.from);
  if (within.length === 0) return markup``;
  return markup`<text class="axis" x="-8" y="${stripAt + 4}" text-anchor="end">gate</text>${within.map(
    ({ at, verdict }) =>
      markup`<svg x="${scale.x(Date.parse(at))}" y="${stripAt}" overflow="visible">${verdictMark(verdict)}</svg>`,
  )}`;
}

export function verdictMark(verdict: VerdictReport['verdict']): Markup {
  switch (verdict) {
    case 'pass':
      return markup`<circle class="pass" r="3"/>`;
    case 'fail':
      return markup`<path class="fail" d="M-4-4L4 4M-4 4L4-4"/>`;
    case 'inconclusive':
      return markup`<circle class="inconclusive" r="2.5"/>`;
    case 'error':
      return markup`<path class="error" d="M-3 0H3"/>`;
  }
}

function legend(report: Report): Markup {
  const started = report.splits.find(({ split }) => split.k8s > 0)?.at ?? '';
  const kinds = new Set(report.verdicts.map(({ verdict }) => verdict));
  const names = {
    pass: 'gate passed',
    fail: 'gate failed',
    inconclusive: 'too few requests',
    error: 'no metrics',
  };
  const item = (mark: Markup, text: string) =>
    markup`<li><svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">${mark}</svg>${text}</li>`;
  return markup`<ul class="legend">
${item(markup`<rect class="k8s" x="-7" y="0" width="14" height="7"/><line class="set" x1="-7" x2="7" y1="0" y2="0"/>`, 'share set to go to Kubernetes')}
${report.migration.clusters.map(({ name }) => item(clusterMark(report, name), `seen by callers in ${name}, with 95 % interval`))}
${report.splits.some(({ outcome }) => outcome === 'returned') && item(markup`<path class="returned" d="M-5-5L5 5M-5 5L5-5"/>`, 'tried, and not agreed by every cluster')}
${(['pass', 'fail', 'inconclusive', 'error'] as const).filter((kind) => kinds.has(kind)).map((kind) => item(verdictMark(kind), names[kind]))}
</ul><p>Time since the first shift, at ${clockTime(started)} UTC.</p>`;
}

function inWords({ splits }: Report): string {
  const agreed = splits.filter(({ outcome }) => outcome === 'agreed');
  return `Agreed by every cluster: ${agreed.map(({ at, split }) => `${split.k8s} % at ${clockTime(at)}`).join(', ')} UTC.`;
}

function level(share: number): number {
  return round(plotHeight * (1 - share / 100));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
