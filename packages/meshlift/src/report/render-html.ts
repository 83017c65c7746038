import { caughtInWords } from './caught.ts';
import {
  clockTime,
  count,
  counted,
  failureShare,
  interval,
  milliseconds,
  percent,
  timestamp,
} from './figures.ts';
import { headline, keyFigures, obstacle, standing } from './headline.ts';
import { Markup, markup } from './markup.ts';
import { pageStyle } from './page-style.ts';
import type { ClusterSplit, Report, SplitStep, VerdictReport } from './report.ts';
import { splitChart, verdictMark } from './split-chart.ts';

/**
 * The report as one page that stands alone: no script, no font, no picture from anywhere, and a policy within that
 * lets the browser load none. It can be mailed, printed and archived.
 */
export function renderHtml(report: Report): string {
  const { service, name } = report.migration;
  const { news, sentence } = headline(report);
  return `<!doctype html>
${markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${sentence}: migration of ${service.name}</title>
${styleElement}
</head>
<body>
<header>
<h1>${standing(report)}</h1>
<p class="headline ${news}">${sentence}</p>
<p class="soft">${counting(report)}</p>
${notice(report)}
<dl class="figures">${keyFigures(report).map((it) => markup`<div><dt>${it.name}</dt><dd>${it.value}</dd></div>`)}</dl>
</header>
<main>
${splits(report)}${sides(report)}${callers(report)}${failures(report)}${stepVerdicts(report)}${verdicts(report)}${history(report)}${facts(report)}
</main>
<footer>Meshlift report of migration ${report.migration.namespace}/${name}, data of ${timestamp(lastTime(report))} UTC. The same as data: <code>meshlift report -o json</code>.</footer>
</body>
</html>
`}`;
}

/** As it is: a style element's text is taken literally, and this one is ours. */
const styleElement = new Markup(`<style>${pageStyle}</style>`);

function counting({ requests, migration }: Report): string {
  const { service } = migration;
  const name = `${service.name}:${service.port}`;
  if (requests.total === 0) return `Requests to ${name} are counted from the first agreed split on.`;
  return `Every request to ${name}, counted by the callers’ own proxies from ${timestamp(requests.since)} to ${timestamp(requests.until)} UTC.`;
}

function notice(report: Report): Markup | null {
  const kept = obstacle(report);
  const { unread } = report.requests;
  if (!kept && unread === 0) return null;
  return markup`<div class="notice">${kept && markup`<p><strong>${kept}</strong></p><p>Next: ${report.outcome.next}</p>`}${unread > 0 && markup`<p>A caller’s counters could not be read ${unread === 1 ? 'once' : `${count(unread)} times`}: what it sent then was counted later, or is missing here.</p>`}</div>`;
}

function splits(report: Report): Markup {
  if (report.splits.length === 0)
    return section('The split over time', 'No split has been written yet.', null);
  const head = [
    left('Cluster'),
    right('K8s seen'),
    right('95 % interval'),
    right('Of requests'),
    right('Written'),
    right('Served'),
    right('Proxies'),
    left('Last proxy to serve it'),
  ];
  return markup`${section('The split over time', 'Set is what was written to every cluster; seen is where callers’ requests really went. A split counts once every calling proxy of every cluster serves it.', splitChart(report))}
${section('Steps', 'Written: until the cluster had stored the split. Served: until the last calling proxy used it. Skew: between the first and the last cluster. Times are UTC.', table('Steps of the split', head, report.splits.map(stepRows)))}`;
}

function stepRows(step: SplitStep): Markup {
  const { at, by, clusters, failure, outcome, reason, skewMs, split, stillRunning } = step;
  const clusterRow = (it: ClusterSplit) => markup`<tr><th scope="row">${it.cluster}</th>${[
    percent(it.seen?.k8sPercent ?? null),
    interval(it.seen?.interval ?? null),
    it.seen ? count(it.seen.requests) : '–',
    milliseconds(it.writtenMs),
    milliseconds(it.acknowledgedMs),
    `${it.proxies.acknowledged} of ${it.proxies.total}`,
  ].map(
    (cell) => markup`<td class="number">${cell}</td>`,
  )}<td class="soft whole">${it.proxies.slowest ?? '–'}</td></tr>
`;
  return markup`<tr class="step"><th scope="rowgroup" colspan="8"><span class="time">${clockTime(at)}</span> ${split.k8s} % Kubernetes, ${split.vm} % VM<span class="soft">
${outcome === 'returned' && markup`<strong class="bad">not agreed by every cluster</strong> · `}${reason}${by && ` · by ${by}`}${skewMs !== null && ` · skew ${milliseconds(skewMs)}`}${stillRunning !== undefined && ` · ${stillRunning.running} begun before ran on, on the ${stillRunning.side} side`}${failure && markup`<br>${failure}`}</span></th></tr>
${clusters.length === 0 ? markup`<tr><td colspan="8">No cluster took it.</td></tr>` : clusters.map(clusterRow)}`;
}

function sides({ sides: both, requests, migration }: Report): Markup | null {
  if (requests.total === 0) return null;
  const head = [
    left('Side'),
    right('Requests'),
    right('Failed'),
    right('Share failed'),
    right('Caught by the net'),
    right('p50'),
    right('p99'),
  ];
  const names = { vm: `the VM (${migration.vm.hosts.join(', ')})`, k8s: 'Kubernetes' };
  const body = (['vm', 'k8s'] as const).map((name) => {
    const it = both[name];
    const cells = [
      count(it.requests),
      failedCell(it.failed),
      failureShare(it.failed, it.requests),
      caughtCell(it),
      milliseconds(it.p50Ms),
      milliseconds(it.p99Ms),
    ];
    return row(names[name], cells);
  });
  const net =
    migration.retries === 'off'
      ? 'The safety net was off.'
      : `Caught: requests sent to a side that failed them, and answered by the other (safety net: ${migration.retries}).`;
  return section(
    'Both sides',
    `Latency as the callers’ proxies measured it. ${net}`,
    table('Both sides', head, body),
  );
}

function callers({ requests }: Report): Markup | null {
  if (requests.callers.length === 0) return null;
  const head = [
    left('Caller'),
    left('Namespace'),
    left('Cluster'),
    right('Requests'),
    right('Failed'),
    right('Share failed'),
  ];
  const body = requests.callers.map(
    (it) =>
      markup`<tr><th scope="row">${it.workload}</th><td>${it.namespace}</td><td>${it.cluster}</td><td class="number">${count(it.requests)}</td><td class="number">${failedCell(it.failed)}</td><td class="number">${failureShare(it.failed, it.requests)}</td></tr>`,
  );
  return section('Callers', 'Who called the service, and what they got.', table('Callers', head, body));
}

function failures({ requests }: Report): Markup | null {
  if (requests.total === 0) return null;
  const causes = requests.callers.flatMap((caller) => caller.causes.map((cause) => ({ caller, cause })));
  if (causes.length === 0) return section('Failed requests', 'None.', null);
  const head = [
    left('Caller'),
    left('Cluster'),
    right('Failed'),
    left('Why'),
    right('HTTP'),
    right('gRPC'),
    left('Flags'),
  ];
  const body = causes.map(
    ({ caller, cause }) =>
      markup`<tr><th scope="row">${caller.workload}.${caller.namespace}</th><td class="whole">${caller.cluster}</td><td class="number">${count(cause.count)}</td><td>${cause.meaning}</td><td class="number">${cause.responseCode ?? '–'}</td><td class="number">${cause.grpcStatus ?? '–'}</td><td>${cause.flags ? markup`<code>${cause.flags}</code>` : '–'}</td></tr>`,
  );
  return section(
    'Failed requests',
    'Each by its caller, its status and the flags that Envoy gave it.',
    table('Failed requests', head, body),
  );
}

/** The verdict on which each step was left: forward, back, or not yet. */
function stepVerdicts({ splits: steps, verdicts: all }: Report): Markup | null {
  const rows = steps.flatMap((step, i) => {
    const until = steps[i + 1]?.at ?? '9999';
    const own = all.filter(({ at }) => at >= step.at && at < until);
    const last = own.at(-1);
    return last ? [stepVerdictRow(step, last, own.length)] : [];
  });
  if (rows.length === 0) return null;
  const head = [
    right('K8s %'),
    left('Verdict'),
    left('Because'),
    right('Looks'),
    right('VM requests'),
    right('failed'),
    right('p99'),
    right('K8s requests'),
    right('failed'),
    right('p99'),
  ];
  return section(
    'Verdict of each step',
    'The last that was given before the step was left, with what callers saw of both sides in the same window.',
    table('Verdict of each step', head, rows),
  );
}

function stepVerdictRow({ split }: SplitStep, last: VerdictReport, looks: number): Markup {
  const figures = (['vm', 'k8s'] as const).flatMap((side) => {
    const { failed, p99Ms, requests } = last.sides[side];
    return [markup`${count(requests)}`, failedCell(failed), markup`${milliseconds(p99Ms)}`];
  });
  return markup`<tr><th scope="row" class="number">${split.k8s}</th>${verdictCell(last.verdict)}<td class="prose">${last.because}</td>${[markup`${count(looks)}`, ...figures].map((cell) => markup`<td class="number">${cell}</td>`)}</tr>`;
}

function history({ history: all }: Report): Markup | null {
  if (all.length === 0) return null;
  const body = all.map(
    ({ at, by, message, what }) =>
      markup`<tr><th scope="row" class="whole">${timestamp(at)}</th><td class="whole">${by}</td><td class="whole">${what}</td><td>${message}</td></tr>`,
  );
  return section(
    'Who did what when',
    'As recorded in the home cluster. Times are UTC.',
    table('Who did what when', [left('At'), left('Who'), left('What'), left('')], body),
  );
}

function verdicts({ verdicts: all, migration }: Report): Markup | null {
  if (all.length === 0) return null;
  const { minRequests, maxErrorRate, maxErrorRateOverVm, p99OverVm } = migration.gate;
  const head = [
    left('At (UTC)'),
    right('K8s %'),
    left('Verdict'),
    left('Because'),
    right('VM requests'),
    right('K8s requests'),
  ];
  const rule = `The gate judges the Kubernetes side after ${counted(minRequests, 'request')}: at most ${percent(maxErrorRate * 100)} may fail, at most ${percent(maxErrorRateOverVm * 100)} more than on the VM, and p99 may be ${p99OverVm} times the VM’s. With too few requests, or without metrics, it waits.`;
  return section(
    `Every verdict (${count(all.length)})`,
    rule,
    table('Verdicts of the gate', head, all.map(verdictRow)),
  );
}

function verdictRow({ at, split, verdict, because, sides: both }: VerdictReport): Markup {
  return markup`<tr><th scope="row" class="whole">${clockTime(at)}</th><td class="number">${split.k8s}</td>${verdictCell(verdict)}<td class="prose">${because}</td><td class="number">${count(both.vm.requests)}</td><td class="number">${count(both.k8s.requests)}</td></tr>`;
}

function verdictCell(verdict: VerdictReport['verdict']): Markup {
  return markup`<td class="whole verdict ${verdict === 'fail' ? 'bad' : ''}"><svg width="8" height="8" viewBox="-4 -4 8 8" aria-hidden="true">${verdictMark(verdict)}</svg>${verdict}</td>`;
}

function facts(report: Report): Markup {
  const { migration, timings } = report;
  const { service, clusters } = migration;
  const people = [...new Set(report.splits.flatMap(({ by }) => by ?? []))];
  const roles = (it: (typeof clusters)[number]) =>
    [it.home && 'home', it.target && 'target'].filter(Boolean).join(', ');
  const listed: readonly (readonly [string, string])[] = [
    ['Migration', `${migration.namespace}/${migration.name}`],
    [
      'Service',
      [service.name, ...[service, ...service.morePorts].map((it) => `port ${it.port}, ${it.protocol}`)].join(
        ', ',
      ),
    ],
    [migration.vm.hosts.length === 1 ? 'VM' : 'VMs', migration.vm.hosts.join(', ')],
    ['Clusters', clusters.map((it) => `${it.name}${roles(it) && ` (${roles(it)})`}`).join(' · ')],
    ['Topology', migration.topology],
    ['Safety net', `retries: ${migration.retries}`],
    ['Phase', report.phase],
    ['Begun', `${timestamp(report.startedAt)}${report.startedAt ? ' UTC' : ''}`],
    ['Completed', `${timestamp(report.completedAt)}${report.completedAt ? ' UTC' : ''}`],
    ['VM retired', `${timestamp(report.retiredAt)}${report.retiredAt ? ' UTC' : ''}`],
    ...(people.length > 0 ? [['Run by', people.join(', ')] as const] : []),
    [
      'Time for a cluster to follow',
      `median ${milliseconds(timings.acknowledged.medianMs)}, longest ${milliseconds(timings.acknowledged.maxMs)}`,
    ],
    [
      'Skew between clusters',
      `median ${milliseconds(timings.skew.medianMs)}, largest ${milliseconds(timings.skew.maxMs)}`,
    ],
  ];
  return section(
    'The migration',
    null,
    markup`<dl class="facts">${listed.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`,
  );
}

function section(title: string, lead: string | null, content: Markup | null): Markup {
  return markup`<section><h2>${title}</h2>${lead && markup`<p class="lead">${lead}</p>`}${content}</section>
`;
}

interface Heading {
  readonly text: string;
  readonly number: boolean;
}

function left(text: string): Heading {
  return { text, number: false };
}

function right(text: string): Heading {
  return { text, number: true };
}

/** A table that scrolls by itself where the page is narrow, also with the keyboard. */
function table(name: string, head: readonly Heading[], body: readonly Markup[]): Markup {
  return markup`<div class="scroll" role="region" aria-label="${name}" tabindex="0"><table>
<thead><tr>${head.map(({ text, number }) => markup`<th scope="col" class="${number ? 'number' : ''}">${text}</th>`)}</tr></thead>
<tbody>
${body}
</tbody></table></div>`;
}

function row(name: string, cells: readonly (string | Markup)[]): Markup {
  return markup`<tr><th scope="row">${name}</th>${cells.map((cell) => markup`<td class="number">${cell}</td>`)}</tr>`;
}

function failedCell(failed: number): Markup {
  return failed === 0 ? markup`0` : markup`<span class="bad">${count(failed)}</span>`;
}

/** How they were caught is one line below, since it is told by some proxies only. */
function caughtCell({ caught, caughtHow }: Report['sides']['vm']): Markup {
  const how = caughtInWords(caughtHow ?? undefined);
  return how === '' ? markup`${count(caught)}` : markup`${count(caught)}<br><small>${how}</small>`;
}

function lastTime({ retiredAt, requests, outcome }: Report): string | null {
  return retiredAt ?? requests.until ?? outcome.at;
}
