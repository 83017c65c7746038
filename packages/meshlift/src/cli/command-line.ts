import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { ExitCode } from '../errors/codes.ts';
import type { Goal } from '../migration/decision.ts';
import { parseDuration } from '../spec/duration.ts';
import type { Shell } from './commands/completion.ts';
import type { CommonOptions, WriteCommandOptions } from './options.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/** What a command does: its options (its own and the common ones) and its arguments, in order. */
type Act = (
  options: CommonOptions & Record<string, unknown>,
  parameters: readonly unknown[],
) => Promise<ExitCode>;

/**
 * Every command with its arguments and options: what `--help`, the reference pages and the shells' completions are made
 * from. A command's own code is loaded only when it is run, so that help and completion are there at once.
 */
export function commandLine(terminal: Terminal, exitWith: (code: ExitCode) => void): Command {
  const program = new Command('meshlift')
    .description(
      'moves a service from a virtual machine to Kubernetes, in every cluster of an Istio mesh, without losing a request',
    )
    .version(version, '-V, --version')
    .option('-f, --file <file>', 'the migration', 'migration.yaml')
    .option('--kubeconfig <file>', 'where the contexts are (default: KUBECONFIG, then ~/.kube/config)')
    .addOption(
      new Option('-o, --output <format>', 'form of the result')
        .choices(['table', 'json', 'yaml'])
        .default('table'),
    )
    .option('-v, --verbose', 'show every event, also those that only repeat')
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      outputError: (text, write) => write(text.replace(/^error: /, 'meshlift: ')),
    })
    .helpCommand(false)
    .showHelpAfterError('(meshlift --help lists the commands)');

  const reads = (parent: Command, usage: string, description: string, act: Act) =>
    parent
      .command(usage)
      .description(description)
      .action(async (...parameters: unknown[]) => {
        const command = parameters.at(-1) as Command;
        exitWith(
          await act(
            command.optsWithGlobals<CommonOptions & Record<string, unknown>>(),
            command.processedArgs,
          ),
        );
      });
  const writes = (parent: Command, usage: string, description: string, act: Act) =>
    reads(parent, usage, description, act)
      .option('--dry-run', 'show what would be done next, and why, as a diff; change nothing')
      .option('--output-only', 'print the objects that would be written, as YAML; change nothing')
      .option('--cluster <name>', 'with --dry-run or --output-only: only this member');
  const drive = async (options: WriteCommandOptions, goal: Goal) =>
    options.dryRun || options.outputOnly
      ? (await import('./commands/rehearse.ts')).rehearseCommand(options, goal, terminal)
      : (await import('./commands/drive.ts')).driveCommand(options, goal, terminal);

  program.commandsGroup('Begin:');
  reads(
    program,
    'init',
    'look at your clusters, ask what they can’t tell, and write a first migration file; overwrites nothing',
    async (options) => (await import('./commands/init.ts')).initCommand(options, terminal),
  )
    .option('--service <namespace/name>', 'the service that runs on the VM, as its callers know it')
    .option('--port <port>', 'that clients call')
    .addOption(new Option('--protocol <protocol>', 'that is spoken').choices(['grpc', 'http', 'tcp']))
    .option('--contexts <names>', 'of every cluster with callers, by comma; without it, all are looked at')
    .option('--home <context>', 'the VM calls home to this cluster')
    .option('--target <context>', 'the copy runs in this cluster')
    .option('--vm-host <address>', 'of the VM, as pods reach it')
    .option('--ssh-user <user>', 'who logs in on the VM')
    .option('--manifest <file...>', 'manifests of the copy')
    .option('--dry-run', 'print the file instead of writing it');

  const mesh = program.command('mesh').description('the mesh that the member clusters form');
  writes(
    mesh,
    'install',
    'install what is missing for the members to be one mesh, by your own istioctl: Istio, east-west gateways, remote secrets; shows the plan and asks',
    async (options) => (await import('./commands/mesh-install.ts')).meshInstallCommand(options, terminal),
  ).option('--yes', 'do it without asking');

  program.commandsGroup('Look; nothing is changed:');
  reads(program, 'check', 'look whether everything that a migration needs is there', async (options) =>
    (await import('./commands/check.ts')).checkCommand(options, terminal),
  ).option('--wait <duration>', 'look again until nothing stops, for so long at most, such as 5m', duration);
  reads(program, 'plan', 'show every object that would be written, and what changes in it', async (options) =>
    (await import('./commands/plan.ts')).planCommand(options, terminal),
  )
    .option('--short', 'only the names of the objects')
    .option('--cluster <name>', 'only this member');
  reads(program, 'status', 'show how far the migration is, and what every cluster says', async (options) =>
    (await import('./commands/status.ts')).statusCommand(options, terminal),
  ).option(
    '-w, --watch',
    'again and again, until Ctrl-C or until the VM is retired; the migration is not touched',
  );
  reads(program, 'events', 'list who did what and when', async (options) =>
    (await import('./commands/events.ts')).eventsCommand(options, terminal),
  );
  reads(
    program,
    'report',
    'write the report: table here, report.html and report.json in a folder',
    async (options) =>
      (await import('./commands/report.ts')).reportCommand(options, String(options.folder), terminal),
  ).option('--folder <folder>', 'where report.html and report.json go', 'meshlift-report');
  reads(
    program,
    'explain',
    'tell what the code of an error or a check means, and what to do; asks no cluster',
    async (options, [code]) =>
      (await import('./commands/explain.ts')).explainCommand(options, code as string | undefined, terminal),
  ).argument('[code]', 'as errors and checks show it; without it, all codes are listed');

  program.commandsGroup('Migrate, step by step or all at once:');
  const vm = program.command('vm').description('the VM’s place in the mesh');
  writes(vm, 'join', 'join the VM to the mesh and put all traffic on it, in every cluster', (options) =>
    drive(options, { do: 'join' }),
  );
  reads(vm, 'status', 'show the VM, its sidecar, and what the mesh says of it', async (options) =>
    (await import('./commands/vm-status.ts')).vmStatusCommand(options, terminal),
  );
  writes(
    vm,
    'leave',
    'take the VM out of the mesh again, and put back, file for file, what was there before it joined',
    async (options) => (await import('./commands/vm-leave.ts')).vmLeaveCommand(options, terminal),
  ).option('--force', 'even while callers reach the service on this VM: they lose it');
  writes(program, 'deploy', 'deploy the copy in the target cluster, at 0 %', (options) =>
    drive(options, { do: 'deploy' }),
  );
  writes(
    program,
    'shift',
    'send a share of the traffic to Kubernetes, in every cluster',
    async (options, [percent]) => {
      const { splitWithK8s } = await import('../migration/traffic-split.ts');
      return drive(options, { do: 'shift', split: splitWithK8s(percent as number) });
    },
  ).argument('<percent>', 'whole percent of the requests that Kubernetes gets', wholePercent);
  writes(program, 'run', 'do all that is left, step by step, judged by the gate', (options) =>
    drive(options, { do: 'run', until: options.until === 'retired' ? 'Retired' : 'Completed' }),
  ).addOption(
    new Option('--until <phase>', 'where to stop').choices(['completed', 'retired']).default('completed'),
  );
  writes(program, 'pause', 'take no step forward from now on, whoever drives it', async (options) =>
    (await import('./commands/pause.ts')).pauseCommand(options, terminal),
  ).option('--reason <text>', 'for those who find it paused');
  writes(program, 'resume', 'go on after a pause', async (options) =>
    (await import('./commands/pause.ts')).resumeCommand(options, terminal),
  );
  writes(program, 'rollback', 'put all traffic back on the VM, in every cluster', (options) =>
    drive(options, { do: 'rollback', force: options.force === true }),
  ).option('--force', 'even onto a VM that is known to be down');
  writes(program, 'complete', 'make Kubernetes the service’s own home and take the routes away', (options) =>
    drive(options, { do: 'complete' }),
  );
  writes(
    program,
    'retire',
    'prove that the VM is idle, then take it out of the mesh and the clusters',
    (options) => drive(options, { do: 'retire' }),
  );

  program.commandsGroup('More:');
  reads(
    program,
    'completion',
    'print the completion of a shell, for it to source',
    async (_options, [shell]) =>
      (await import('./commands/completion.ts')).completionCommand(program, shell as Shell, terminal),
  )
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nIn ~/.bashrc or ~/.zshrc:  source <(meshlift completion bash)    (or zsh)\nFor fish, once:            meshlift completion fish > ~/.config/fish/completions/meshlift.fish',
    );
  program
    .command('lab')
    .description('a mesh of two clusters and a VM on this machine, to try it all (meshlift lab --help)');
  return program;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('a duration such as 500ms, 30s or 5m is needed.');
  return ms;
}

function wholePercent(text: string): number {
  const percent = Number(text);
  if (text.trim() === '' || !Number.isInteger(percent) || percent < 0 || percent > 100) {
    throw new InvalidArgumentError(`a whole number from 0 to 100 is needed.`);
  }
  return percent;
}
