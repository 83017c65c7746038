import { leaveMesh } from '../../actions/leave-vm.ts';
import { readStatus } from '../../engine/journal.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { readVmFacts } from '../../vm/facts.ts';
import { withContext, withReadOnlyContext } from '../open-context.ts';
import type { WriteCommandOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

export interface LeaveOptions extends WriteCommandOptions {
  /** even while callers reach the service on this VM */
  readonly force?: boolean;
}

export async function vmLeaveCommand(options: LeaveOptions, terminal: Terminal): Promise<ExitCode> {
  const host = eventLines(terminal, { json: options.output === 'json' });
  if (options.dryRun || options.outputOnly) {
    return withReadOnlyContext(options, terminal, host, async (context) => {
      const { phase } = await readStatus(context);
      const { machines } = context.migration.spec.vm;
      const facts = await Promise.all(
        machines.map(async (machine) => readVmFacts(await context.ssh(machine), context)),
      );
      const joinedByMeshlift = facts.some((it) => it.joinedByMeshlift);
      terminal.out(
        joinedByMeshlift
          ? `the VM would leave the mesh: its sidecar stopped, and what was there before put back file for file (the migration is ${phase})\n`
          : 'Meshlift has not joined this VM: there is nothing to put back\n',
      );
      terminal.err('nothing was changed\n');
      return joinedByMeshlift ? exitCodes.held : exitCodes.done;
    });
  }
  return withContext(options, terminal, host, async (context) => {
    const { changed } = await leaveMesh(context, options.force === true);
    if (options.output === 'json') terminal.out(`${JSON.stringify({ changed }, null, 2)}\n`);
    else {
      for (const line of changed) terminal.out(`${line}\n`);
      terminal.err(
        changed.length > 0
          ? '✔ the VM is out of the mesh, and as it was before it joined\n'
          : '✔ Meshlift had not joined this VM: nothing had to be changed\n',
      );
    }
    return exitCodes.done;
  });
}
