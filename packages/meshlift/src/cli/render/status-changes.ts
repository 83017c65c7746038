import type { LiveMember, LiveView } from '../../engine/live-view.ts';
import type { Health } from '../../migration/observation.ts';
import { formatSplit } from '../../migration/traffic-split.ts';

/**
 * What a watch without a terminal tells: a line for each thing that became different since the last look, and nothing for
 * what only moves (rates, times). The first look tells everything.
 */
export function statusChanges(
  view: LiveView,
  told: ReadonlyMap<string, string>,
): { readonly lines: readonly string[]; readonly told: ReadonlyMap<string, string> } {
  const now = new Map(facts(view));
  const time = view.at.slice(11, 19);
  const lines = [...now].filter(([key, text]) => told.get(key) !== text).map(([, text]) => `${time} ${text}`);
  return { lines, told: now };
}

function facts({ members, owner, sides, status }: LiveView): readonly (readonly [string, string])[] {
  const { agreed, outcome, paused, phase, verdicts } = status;
  const verdict = verdicts.at(-1);
  return [
    ['phase', `phase ${phase}`],
    ['owner', owner ? `driven by ${owner}` : 'driven by nobody'],
    ['outcome', outcome.state === 'Progressing' ? 'going on' : `${outcome.state}: ${outcome.reason}`],
    ['paused', paused ? `paused by ${paused.by}${paused.reason ? `: ${paused.reason}` : ''}` : 'not paused'],
    [
      'agreed',
      agreed ? `agreed ${formatSplit(agreed.split)} (write ${agreed.generation})` : 'no split agreed',
    ],
    ...members.flatMap((member) => [
      [`written ${member.cluster}`, `${member.cluster} ${written(member)}`] as const,
      [`acknowledged ${member.cluster}`, `${member.cluster} ${acknowledged(member.acknowledged)}`] as const,
    ]),
    ['vm', `the VM is ${health(sides.vm.health)}`],
    ['copy', `the copy is ${health(sides.k8s.health)}`],
    ['verdict', verdict ? `gate: ${verdict.verdict}` : 'gate: no verdict yet'],
  ];
}

function written({ written: found }: LiveMember): string {
  if (!found.reachable) return `can't be reached: ${found.why}`;
  if (found.route.found === 'ours')
    return `has ${formatSplit(found.route.split)} written (write ${found.route.generation})`;
  return found.route.found === 'none' ? 'has no split written' : 'has a split that someone edited';
}

function acknowledged(of: LiveMember['acknowledged']): string {
  if (of === null) return 'has nothing to acknowledge';
  if ('unknown' in of) return `can't tell what its proxies acknowledged: ${of.unknown}`;
  return `acknowledged by ${of.acknowledged}/${of.total} proxies`;
}

function health(side: Health): string {
  return 'why' in side ? `${side.is}: ${side.why}` : side.is;
}
