import { type PlannedObject, planObjects } from '../../actions/plan.ts';
import type { EngineContext } from '../../engine/context.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { MeshliftError } from '../../errors/error.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import { objectCount, objectDiff } from '../render/object-diff.ts';
import { objectsYaml } from '../render/objects-yaml.ts';
import { paint } from '../render/paint.ts';
import type { Terminal } from '../terminal.ts';

export interface PlanOptions extends CommonOptions {
  /** names of objects only, without what changes in them */
  readonly short?: boolean;
  /** only this member */
  readonly cluster?: string;
}

/** Exit 2 when there is something to write, as `terraform plan -detailed-exitcode` has it; reads only. */
export async function planCommand(options: PlanOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const planned = ofCluster(context, await planObjects(context), options.cluster);
    if (options.output === 'json') terminal.out(`${JSON.stringify(planned, null, 2)}\n`);
    else if (options.output === 'yaml') terminal.out(objectsYaml(planned));
    else {
      const { steps } = context.migration.spec.rollout;
      terminal.out(objectDiff(planned, paint(terminal.color), options.short ? 'names' : 'all'));
      terminal.out(
        `then shift to ${steps.join(', ')} %, complete (routes and side hosts go), retire (the VM's objects go)\n${objectCount(planned)}\n`,
      );
    }
    return planned.some((it) => it.change !== 'same') ? exitCodes.held : exitCodes.done;
  });
}

/** Those of one member, when one is named. Throws `bad-usage` for a name that is no member's. */
export function ofCluster(
  { members }: Pick<EngineContext, 'members'>,
  planned: readonly PlannedObject[],
  cluster: string | undefined,
): readonly PlannedObject[] {
  if (cluster === undefined) return planned;
  const names = members.map(({ name }) => name);
  if (names.includes(cluster)) return planned.filter((it) => it.cluster === cluster);
  throw new MeshliftError('bad-usage', {
    where: `--cluster ${cluster}`,
    why: 'no member cluster has this name',
    next: `one of ${names.join(', ')}`,
  });
}
