import { stringify } from 'yaml';
import { type PlannedObject, planObjects } from '../../actions/plan.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { withContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

/** Exit 2 when there is something to write, as `terraform plan -detailed-exitcode` has it; reads only. */
export async function planCommand(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const planned = await planObjects(context);
    if (options.output === 'json') terminal.out(`${JSON.stringify(planned, null, 2)}\n`);
    else if (options.output === 'yaml')
      terminal.out(
        planned.map((it) => `# ${it.cluster}, at ${it.at}\n${stringify(it.object)}`).join('---\n'),
      );
    else terminal.out(table(planned, context.migration.spec.rollout.steps));
    return planned.some((it) => it.change !== 'same') ? exitCodes.held : exitCodes.done;
  });
}

function table(planned: readonly PlannedObject[], steps: readonly number[]): string {
  const glyphs = { create: '+', change: '~', same: ' ' } as const;
  const groups = Map.groupBy(planned, (it) => it.at);
  const lines = [...groups].flatMap(([at, objects]) => [
    at,
    ...objects.map(
      ({ change, cluster, object }) =>
        `  ${glyphs[change]} ${cluster}  ${object.kind} ${object.metadata.namespace ?? ''}${object.metadata.namespace ? '/' : ''}${object.metadata.name}`,
    ),
  ]);
  const count = (change: PlannedObject['change']) => planned.filter((it) => it.change === change).length;
  return [
    ...lines,
    `then shift to ${steps.join(', ')} %, complete (routes and side hosts go), retire (the VM's objects go)`,
    `${count('create')} to create, ${count('change')} to change, ${count('same')} as they should be`,
    '',
  ].join('\n');
}
