import { headline } from '../../engine/engine.ts';
import { rehearse } from '../../engine/rehearse.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import type { Decision, Goal } from '../../migration/decision.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { WriteCommandOptions } from '../options.ts';
import { checkLines } from '../render/check-list.ts';
import { eventLines } from '../render/event-lines.ts';
import { objectCount, objectDiff } from '../render/object-diff.ts';
import { objectsYaml } from '../render/objects-yaml.ts';
import { paint } from '../render/paint.ts';
import type { Terminal } from '../terminal.ts';
import { ofCluster } from './plan.ts';
import { preflight } from './preflight.ts';

/**
 * `--dry-run` and `--output-only`: what a command would do next, and why, with every object that it would write. Nothing
 * is written. Exit 2 when there is something to do, 0 when there is not.
 */
export async function rehearseCommand(
  options: WriteCommandOptions,
  goal: Goal,
  terminal: Terminal,
): Promise<ExitCode> {
  const host = eventLines(terminal, { json: options.output === 'json' });
  return withReadOnlyContext(options, terminal, host, async (context) => {
    const broken = (await preflight(context, goal)).filter((it) => it.result === 'fail');
    const { decision, objects, onVm } = await rehearse(context, goal);
    const shown = ofCluster(context, objects, options.cluster);
    if (options.outputOnly) terminal.out(objectsYaml(shown.filter((it) => it.change !== 'same')));
    else if (options.output === 'json') {
      terminal.out(`${JSON.stringify({ decision, objects: shown, onVm, failedChecks: broken }, null, 2)}\n`);
    } else {
      terminal.out(`${wouldDo(decision)}\n`);
      if (onVm)
        terminal.out(
          `on the VM ${context.migration.spec.vm.machines.map(({ host }) => host).join(', ')}: ${onVm}\n`,
        );
      if (shown.length > 0)
        terminal.out(`\n${objectDiff(shown, paint(terminal.color), 'all')}${objectCount(shown)}\n`);
    }
    if (broken.length > 0) {
      terminal.err(`meshlift: ${broken.length} checks don't hold, so it would not begin\n`);
      terminal.err(`${broken.flatMap(checkLines).join('\n')}\n`);
      return exitCodes.checksFailed;
    }
    terminal.err('nothing was changed\n');
    const done = decision.kind === 'stop' && decision.outcome === 'done';
    return done || options.outputOnly ? exitCodes.done : exitCodes.held;
  });
}

function wouldDo(decision: Decision): string {
  if (decision.kind === 'act') return `next: ${headline(decision.act)}: ${decision.because}`;
  if (decision.kind === 'stop' && decision.outcome !== 'done')
    return `${decision.because}\nnext: ${decision.next}`;
  return decision.because;
}
