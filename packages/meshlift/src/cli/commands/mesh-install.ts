import { stringify } from 'yaml';
import { type InstallStep, installMesh, planMeshInstall } from '../../actions/install-mesh.ts';
import type { EngineContext } from '../../engine/context.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { MeshliftError } from '../../errors/error.ts';
import { openAsker } from '../init/ask.ts';
import { istioctlOnPath } from '../istioctl.ts';
import { withContext, withReadOnlyContext } from '../open-context.ts';
import type { WriteCommandOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

export interface MeshInstallOptions extends WriteCommandOptions {
  /** do it without asking */
  readonly yes?: boolean;
}

/** Makes the members one mesh, as far as that is only adding what is missing: shows the plan, and asks before it writes. */
export async function meshInstallCommand(options: MeshInstallOptions, terminal: Terminal): Promise<ExitCode> {
  const host = eventLines(terminal, { json: options.output === 'json' });
  const istioctl = istioctlOnPath({ kubeconfig: options.kubeconfig, signal: terminal.signal });
  const steps = await withReadOnlyContext(options, terminal, host, async (context) =>
    ofMember(context, await planMeshInstall(context, istioctl), options.cluster),
  );
  const looking = options.dryRun || options.outputOnly;
  terminal.out(options.outputOnly ? manifests(steps) : plan(steps, options.dryRun === true));
  if (steps.length === 0) return exitCodes.done;
  if (looking) {
    terminal.err('nothing was changed\n');
    return options.outputOnly ? exitCodes.done : exitCodes.held;
  }
  if (!options.yes && !(await agreed(terminal))) {
    terminal.err('nothing was changed\n');
    return exitCodes.held;
  }
  await withContext(options, terminal, host, (context) =>
    installMesh(context, istioctl, steps, ({ cluster, sentence }) =>
      terminal.err(`► ${cluster}: ${sentence}\n`),
    ),
  );
  terminal.err(`✔ ${steps.length} steps done\nnext: meshlift check\n`);
  return exitCodes.done;
}

async function agreed(terminal: Terminal): Promise<boolean> {
  const asker = openAsker(terminal);
  try {
    const answer = await asker.ask('do this? (yes or no)', null);
    if (answer === null) {
      throw new MeshliftError('bad-usage', {
        where: 'meshlift mesh install',
        why: 'there is no terminal to ask whether to do this',
        next: 'read the plan above, then: meshlift mesh install --yes',
      });
    }
    return /^y(es)?$/i.test(answer);
  } finally {
    asker.close();
  }
}

function ofMember(
  { members }: EngineContext,
  steps: readonly InstallStep[],
  cluster: string | undefined,
): readonly InstallStep[] {
  if (cluster === undefined) return steps;
  if (members.some(({ name }) => name === cluster)) return steps.filter((it) => it.cluster === cluster);
  throw new MeshliftError('bad-usage', {
    where: `--cluster ${cluster}`,
    why: 'no member cluster has this name',
    next: `one of ${members.map(({ name }) => name).join(', ')}`,
  });
}

function plan(steps: readonly InstallStep[], inFull: boolean): string {
  if (steps.length === 0) return 'the members are one mesh already: nothing to install\n';
  const lines = steps.flatMap((step) => [
    `+ ${step.cluster}: ${step.sentence}`,
    ...(inFull ? indented(manifestOf(step)) : []),
  ]);
  return `${lines.join('\n')}\n`;
}

function manifests(steps: readonly InstallStep[]): string {
  return steps.map((step) => `# ${step.cluster}: ${step.sentence}\n${manifestOf(step) ?? ''}`).join('---\n');
}

/** Null for a remote secret: it holds a credential that is made when it is written, and shown to nobody. */
function manifestOf(step: InstallStep): string | null {
  if (step.do === 'install') return stringify(step.operator, { lineWidth: 0 });
  if (step.do === 'apply') return step.objects.map((it) => stringify(it, { lineWidth: 0 })).join('---\n');
  return null;
}

function indented(text: string | null): readonly string[] {
  return (text ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => `    ${line}`);
}
