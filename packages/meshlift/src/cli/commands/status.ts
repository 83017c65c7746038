import { stringify } from 'yaml';
import { readStatus } from '../../engine/journal.ts';
import { observe } from '../../engine/observe.ts';
import { watchTraffic } from '../../engine/traffic-watch.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import type { Health, MemberObservation } from '../../migration/observation.ts';
import { formatSplit } from '../../migration/traffic-split.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import { statusData, statusTable } from '../render/status-table.ts';
import type { Terminal } from '../terminal.ts';

/** The record, and beside it what the world says right now; reads only. */
export async function statusCommand(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const [status, seen] = await Promise.all([
      readStatus(context),
      watchTraffic(context).then((traffic) => observe(context, traffic)),
    ]);
    if (options.output === 'table') {
      terminal.out(statusTable(context.migration, status));
      terminal.out(`now       the VM is ${health(seen.vm)}; the copy is ${health(seen.copy)}\n`);
      for (const [name, member] of Object.entries(seen.members))
        terminal.out(`          ${name}: ${route(member)}\n`);
      return exitCodes.done;
    }
    const { window: _window, ...now } = seen;
    const data = { ...statusData(status), now };
    terminal.out(options.output === 'json' ? `${JSON.stringify(data, null, 2)}\n` : stringify(data));
    return exitCodes.done;
  });
}

function health(side: Health): string {
  return 'why' in side ? `${side.is}: ${side.why}` : side.is;
}

function route(member: MemberObservation): string {
  if (!member.reachable) return `can't be reached: ${member.why}`;
  if (member.route.found === 'ours')
    return `has ${formatSplit(member.route.split)} (write ${member.route.generation})`;
  return member.route.found === 'none' ? 'has no split' : 'has a split that someone edited';
}
