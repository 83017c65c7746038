import { headline } from '../../engine/engine.ts';
import type { LiveMember, LiveSide, LiveView } from '../../engine/live-view.ts';
import type { Decision } from '../../migration/decision.ts';
import type { Health } from '../../migration/observation.ts';
import { reached } from '../../migration/phase.ts';
import type { TrafficSplit } from '../../migration/traffic-split.ts';
import { caughtSentences } from '../../report/caught.ts';
import { count, counted, failureShare, interval, milliseconds, percent } from '../../report/figures.ts';
import { formatDuration } from '../../spec/duration.ts';
import type { Migration } from '../../spec/migration.ts';
import type { Paint } from './paint.ts';

/** One moment of a migration as lines, the same for a single look and for a screen that is drawn anew. */
export function statusScreen(migration: Migration, view: LiveView, paint: Paint): readonly string[] {
  return [
    ...header(migration, view, paint),
    '',
    ...clusters(view, paint),
    '',
    ...sides(view, paint),
    ...onRecord(view),
    '',
    ...standing(view, paint),
  ];
}

function header(migration: Migration, { at, owner, status }: LiveView, paint: Paint): readonly string[] {
  const { namespace, name } = migration.metadata;
  const split = status.agreed ? `   ${splitText(status.agreed.split)} agreed` : '';
  const { traffic } = status;
  const counts = traffic
    ? `${counted(traffic.requests, 'request')} on record, ${failures(traffic.failed, paint)} failed`
    : 'no requests on record yet';
  return [
    `${paint.strong(`${namespace}/${name}`)}   ${paint.strong(status.phase)}${split}   ${paint.faint(`${at.slice(11, 19)} UTC`)}`,
    ...(status.phase === 'Retired'
      ? []
      : [paint.faint(owner ? `driven by ${owner}` : 'driven by nobody at the moment')]),
    counts,
  ];
}

function clusters({ members, status }: LiveView, paint: Paint): readonly string[] {
  const rows = members.map((member) => [
    member.cluster,
    member.wanted ? shortSplit(member.wanted.split) : '–',
    written(member, reached(status.phase, 'Completed')),
    acknowledged(member.acknowledged),
    ...(reached(status.phase, 'Joined') ? seen(member.seen) : ['–', '–', '–']),
  ]);
  return aligned(
    ['cluster', 'wanted', 'written', 'acknowledged', 'callers see k8s', '95 % interval', 'of requests'],
    rows,
    paint,
  );
}

function written({ wanted, written: found }: LiveMember, completed: boolean): string {
  if (!found.reachable) return `can't be reached: ${found.why}`;
  switch (found.route.found) {
    case 'none':
      return completed || !wanted ? '–' : 'gone';
    case 'edited':
      return 'edited by someone';
    case 'ours': {
      const late = wanted && found.route.generation !== wanted.generation ? ' (not yet)' : '';
      return `${shortSplit(found.route.split)}${late}`;
    }
  }
}

function acknowledged(of: LiveMember['acknowledged']): string {
  if (of === null) return '–';
  if ('unknown' in of) return 'not known';
  const waiting = of.waitingFor ? `, not ${of.waitingFor.replace(/^[^/]+\//, '')}` : '';
  return `${of.acknowledged}/${of.total} proxies${waiting}`;
}

function seen(of: LiveMember['seen']): readonly string[] {
  if ('unknown' in of) return ['not known', '–', '–'];
  return [percent(of.k8sPercent), interval(of.interval), count(of.requests)];
}

function sides({ sides: both, status }: LiveView, paint: Paint): readonly string[] {
  // Before the VM has joined, no request of the service is Meshlift's to judge.
  if (!reached(status.phase, 'Joined'))
    return aligned(
      ['side', 'health'],
      [
        ['vm', health(both.vm.health)],
        ['k8s', health(both.k8s.health)],
      ],
      paint,
    );
  const row = (name: string, side: LiveSide) => [
    name,
    health(side.health),
    side.requestsPerSecond === null ? '–' : side.requestsPerSecond.toFixed(1),
    failureShare(side.failed, side.requests),
    milliseconds(side.p50Ms),
    milliseconds(side.p99Ms),
    count(side.caught),
  ];
  return aligned(
    ['side', 'health', 'requests/s', 'failed', 'p50', 'p99', 'caught by the net'],
    [row('vm', both.vm), row('k8s', both.k8s)],
    paint,
  );
}

/** What the net caught over the whole migration, and what a split left running where it began. */
function onRecord({ status }: LiveView): readonly string[] {
  const running = status.splits.at(-1)?.stillRunning;
  return [
    ...(status.traffic ? caughtSentences(status.traffic) : []),
    ...(running && running.running > 0
      ? [
          `${counted(running.running, 'request')} begun before the last split ran on, on the ${running.side} side`,
        ]
      : []),
  ];
}

function standing(view: LiveView, paint: Paint): readonly string[] {
  const { at, next, owner, status } = view;
  const { outcome, paused } = status;
  const lines: string[] = [];
  if (outcome.state !== 'Progressing')
    lines.push(`${paint.bad(outcome.state)}: ${outcome.reason}`, `next: ${outcome.next}`);
  if (paused)
    lines.push(
      `${paint.strong('paused')} by ${paused.by} at ${paused.at.slice(11, 19)} UTC${paused.reason ? `: ${paused.reason}` : ''}; meshlift resume goes on`,
    );
  if (status.phase === 'Retired') return [...lines, 'finished: the VM is retired'];
  if (outcome.state !== 'Progressing' && !owner) return lines;
  const writing = owner && underWay(view);
  if (writing) return [...lines, `now: ${writing}`];
  const idle = owner ? '' : `; nobody drives it: ${commandFor(next)}`;
  return [...lines, `next: ${nextMove(next, Date.parse(at))}${idle}`];
}

/** What an engine does at this moment with a split that is not agreed yet; null when there is none. */
function underWay({ members, status }: LiveView): string | null {
  const { agreed, intent } = status;
  if (!intent || intent.generation === agreed?.generation) return null;
  const waiting = members.flatMap(({ acknowledged: it, cluster, written: found }) => {
    if (!found.reachable) return [`${cluster} can't be reached`];
    const has = found.route.found === 'ours' && found.route.generation === intent.generation;
    if (!has) return [`to be written in ${cluster}`];
    return it && 'waitingFor' in it && it.waitingFor ? [`${it.waitingFor} in ${cluster}`] : [];
  });
  const what = waiting.length > 0 ? `waiting: ${waiting.join(', ')}` : 'watching callers follow it';
  return `putting ${splitText(intent.split)} in force (${intent.reason}); ${what}`;
}

function nextMove(next: Decision, now: number): string {
  switch (next.kind) {
    case 'act':
      return `${headline(next.act)}: ${next.because}`;
    case 'record':
      return `${next.phase}: ${next.because}`;
    case 'wait':
      return next.until === null
        ? `waiting: ${next.because}`
        : `in ${formatDuration(Math.max(0, Math.round((next.until - now) / 1_000) * 1_000))}: ${next.because}`;
    case 'stop':
      return next.outcome === 'done' ? next.because : `${next.because}; ${next.next}`;
  }
}

function commandFor(next: Decision): string {
  if (next.kind === 'act' && next.act.do === 'join') return 'meshlift vm join, or meshlift run';
  if (next.kind === 'act' && next.act.do === 'retire') return 'meshlift retire';
  return 'meshlift run';
}

function health(side: Health): string {
  return 'why' in side ? `${side.is}: ${side.why}` : side.is;
}

function failures(failed: number, paint: Paint): string {
  return failed === 0 ? paint.good('0') : paint.bad(count(failed));
}

function splitText({ k8s, vm }: TrafficSplit): string {
  return `vm ${vm} % · k8s ${k8s} %`;
}

function shortSplit({ k8s, vm }: TrafficSplit): string {
  return `vm ${vm} · k8s ${k8s}`;
}

function aligned(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [paint.faint(line(head)), ...rows.map(line)];
}
