import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type MigrationStatus, plannedStatus } from '../migration/status.ts';
import { type Migration, parseMigration } from '../spec/migration.ts';
import { renderHtml } from './render-html.ts';
import { renderTerminal } from './render-terminal.ts';
import type { Report } from './report.ts';
import { reportData } from './report-data.ts';

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
/** docs/reference.test.ts keeps it the one that the code has. */
const published = () => JSON.parse(file('../../../../docs/reference/report.schema.json'));
const status = (name: string) =>
  ({ ...plannedStatus, ...JSON.parse(file(`testdata/${name}.status.json`)) }) as MigrationStatus;

function migration(): Migration {
  const parsed = parseMigration(parse(file('../spec/testdata/productcatalog.migration.yaml')));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.migration;
}

const retired = reportData(migration(), status('retired'));
const rolledBack = reportData(migration(), status('rolled-back'));
const planned = reportData(migration(), plannedStatus);
const reports: readonly (readonly [string, Report])[] = [
  ['a finished migration', retired],
  ['a migration that was rolled back', rolledBack],
  ['a migration that has not begun', planned],
];

test.each(reports)('the data of %s satisfies the published JSON schema', (_name, report) => {
  const schema = z.fromJSONSchema(published());
  expect(schema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
});

test('the published JSON schema refuses a field that it does not name, and a missing one', () => {
  const schema = z.fromJSONSchema(published());
  expect(schema.safeParse({ ...retired, extra: 1 }).success).toBe(false);
  const { splits: _splits, ...without } = retired;
  expect(schema.safeParse(without).success).toBe(false);
});

test('a report has every request, how many failed, the duration and every split as set and as seen', () => {
  expect(retired.requests).toMatchObject({ total: 62_318, failed: 0 });
  expect(retired.durationSeconds).toBe(186);
  expect(retired.splits.map(({ split }) => split.k8s)).toEqual([0, 20, 50, 100]);
  expect(retired.splits[2]?.clusters[0]).toMatchObject({
    cluster: 'cluster1',
    acknowledgedMs: 144,
    seen: { requests: 297, k8s: 151 },
  });
  expect(retired.timings).toEqual({
    acknowledged: { medianMs: 141, maxMs: 152 },
    skew: { medianMs: 7, maxMs: 18 },
  });
});

test('the duration of an unfinished migration ends with the last thing recorded', () => {
  expect(rolledBack.durationSeconds).toBe(89.1);
  expect(planned.durationSeconds).toBe(0);
});

test('a split that was taken back is in the report, but not in the timings', () => {
  const tried = { ...status('rolled-back') };
  const slow = tried.splits.map((it) =>
    it.outcome === 'returned'
      ? { ...it, clusters: it.clusters.map((cluster) => ({ ...cluster, acknowledgedMs: 29_000 })) }
      : it,
  );
  const report = reportData(migration(), { ...tried, splits: slow });
  expect(report.splits.map(({ outcome }) => outcome)).toContain('returned');
  expect(report.timings.acknowledged.maxMs).toBe(177);
});

test('a latency survives the cluster that turned the last bound of its histogram into null', () => {
  expect(status('retired').traffic?.sides.vm.latency.bounds.at(-1)).toBeNull();
  const slow = structuredClone(status('retired')) as unknown as {
    traffic: { sides: { k8s: { latency: { cumulative: number[] } } } };
  };
  // Nearly all answers took longer than the last finite bound, a second: that is all that is known of them.
  slow.traffic.sides.k8s.latency.cumulative = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1_000];
  const report = reportData(migration(), slow as unknown as MigrationStatus);
  expect(report.sides.k8s.p99Ms).toBe(1_000);
});

test('callers and their failures are listed with the most frequent first', () => {
  expect(rolledBack.requests.callers.map(({ workload }) => workload)).toEqual([
    'frontend',
    'recommendationservice',
    'checkoutservice',
  ]);
  expect(rolledBack.requests.callers[1]?.causes.map((cause) => cause.count)).toEqual([25, 6]);
});

test('the terminal shows the verdict first, and every split, side, caller and failure', () => {
  const text = renderTerminal(rolledBack, { columns: 140, color: false });
  expect(text).toContain('104 of 25,480 requests failed');
  expect(text).toContain('Rolled back: the gate took everything back to the VM');
  expect(text).toContain('next: mend the copy, then: meshlift run');
  expect(text).toContain('07:13:01 split vm 50 % · k8s 50 % in cluster2: not within 30 s');
  expect(text).toMatch(/07:13:01 +50 \/ 50 +cluster1 .*not agreed/);
  expect(text).toMatch(/k8s +2,609 +104 +4 % +15 /);
  expect(text).toMatch(/frontend\.default in cluster2 +58 +200 +14 +UF,URX +UNAVAILABLE/);
  expect(text).toMatch(/80 \/ 20 +13 +2 +1 +1 +fail: 8\.31 %/);
});

test('the terminal gets no escape codes without color', () => {
  for (const [, report] of reports) {
    expect(renderTerminal(report, { columns: 100, color: false })).not.toContain('\u001b');
    expect(renderTerminal(report, { columns: 100, color: true })).toContain('\u001b[1m');
  }
});

test('no table of the terminal is wider than the terminal', () => {
  for (const columns of [80, 100, 120, 200]) {
    const lines = renderTerminal(rolledBack, { columns, color: false }).split('\n');
    const tables = lines.slice(lines.indexOf('Splits'));
    expect(Math.max(...tables.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
  }
});

const hostile = '<script>alert("x")</script><img src=x onerror=\'alert(1)\'>\u001b[2J';

/** The same report, with the hostile text in every field that is free text. */
function poisoned(value: unknown): unknown {
  if (typeof value === 'string')
    return /^(\d{4}-|agreed|returned|pass|fail|inconclusive|error|RolledBack|safe)/.test(value)
      ? value
      : hostile;
  if (Array.isArray(value)) return value.map(poisoned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, poisoned(it)]));
}

test('names and reasons from outside can put neither markup nor script into the page', () => {
  const page = renderHtml(poisoned(rolledBack) as Report);
  expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  expect(page).not.toMatch(/<script|<img|<iframe/i);
  expect(page).not.toMatch(/<[^>]*\son\w+=/i);
});

test('control characters from outside do not reach the terminal', () => {
  const text = renderTerminal(poisoned(rolledBack) as Report, { columns: 200, color: false });
  expect(text).toContain('alert(1)');
  expect(text).not.toMatch(/[^\P{Cc}\n]/u);
});

test('the page asks nothing of the network, and tells the browser so', () => {
  for (const [, report] of reports) {
    const page = renderHtml(report);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/\b(src|href)=|url\(|@import|https?:/);
  }
});

test.each(reports)('the page of %s has every element closed', (_name, report) => {
  const open: string[] = [];
  const unclosed = new Set(['meta', 'br', '!doctype']);
  const page = renderHtml(report).replace(/<style>[\s\S]*<\/style>/, '');
  for (const [, slash, tag = '', , selfClosed] of page.matchAll(
    /<(\/?)([!\w]+)((?:"[^"]*"|[^">])*?)(\/?)>/g,
  )) {
    if (selfClosed || unclosed.has(tag.toLowerCase())) continue;
    if (slash) expect(open.pop()).toBe(tag);
    else open.push(tag);
  }
  expect(open).toEqual([]);
});

test('the page has the headline, the chart, every step, every failed request and every verdict', () => {
  const page = renderHtml(rolledBack);
  expect(page).toContain('104 of 25,480 requests failed');
  expect(page).toContain('role="img"');
  expect(page.match(/rowgroup/g)).toHaveLength(rolledBack.splits.length);
  expect(page).toContain('not agreed by every cluster');
  expect(page).toContain('2 proxies do not serve it yet: frontend-7f9c6d5b8-k4tzn.default');
  expect(page).toContain('UNAVAILABLE: no connection could be made, all retries were used up');
  expect(page).toContain(`Every verdict (${rolledBack.verdicts.length})`);
  expect(page).toContain('no metrics from cluster2: the connection was refused');
});

test('the chart draws agreed splits as steps and marks the one that was taken back', () => {
  const chart = renderHtml(rolledBack).match(/<figure[\s\S]*<\/figure>/)?.[0] ?? '';
  expect(chart).toContain('0 % at 07:12:24, 20 % at 07:12:44, 20 % at 07:13:09, 0 % at 07:13:31');
  const drawing = chart.slice(0, chart.indexOf('<figcaption'));
  expect(drawing.match(/class="returned"/g)).toHaveLength(1);
  expect(drawing.match(/class="fail"/g)).toHaveLength(2);
  expect(drawing).toContain('cluster2: 18.8 % seen (95 %: 15.4 to 22.7 %) in 441 requests');
});

test('the page of a migration that has not begun says so, and draws nothing', () => {
  const page = renderHtml(planned);
  expect(page).toContain('not begun: nothing has been changed');
  expect(page).toContain('No request was counted yet');
  expect(page).not.toContain('<figure');
  expect(page).not.toContain('NaN');
});

test('the page tells who did what when, and nothing of it where nothing happened', () => {
  const page = renderHtml(retired);
  expect(page).toContain('Who did what when');
  expect(page).toContain('meshlift pause: lunch');
  expect(renderHtml(planned)).not.toContain('Who did what when');
});

test('the page has the verdict on which every step was left, with both sides’ figures and sample', () => {
  const page = renderHtml(rolledBack);
  const section = page.slice(page.indexOf('Verdict of each step'), page.indexOf('Every verdict'));
  expect(section).toContain('8.31 % of 1432 requests to the k8s side failed; the limit is 1 %');
  expect(section).toMatch(/1,432/);
  expect(section).not.toContain('100 %');
});
