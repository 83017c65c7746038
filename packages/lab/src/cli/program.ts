import { Command, InvalidArgumentError } from 'commander';
import { MAX_CLUSTERS } from '../network/addresses.ts';
import { addPartsCommands } from '../parts/command.ts';
import { down } from './down.ts';
import * as fault from './fault.ts';
import { DEFAULT_NAME } from './find-lab.ts';
import type { LabIo } from './io.ts';
import { kubeconfig } from './kubeconfig.ts';
import { logs } from './logs.ts';
import { cacheFolder } from './material.ts';
import { ssh } from './ssh.ts';
import { status } from './status.ts';
import { up } from './up.ts';
import { VM_POWER_ACTIONS, type VmPowerAction, vmPower } from './vm.ts';

/** The `lab` command line. `ended` hears of exit codes other than 0 that are no error, such as `ssh`'s. */
export function labProgram(io: LabIo, ended: (code: number) => void): Command {
  const program = new Command('meshlift lab')
    .description('Two Kubernetes clusters in one Istio mesh and a VM, on this machine, without containers.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .enablePositionalOptions()
    .showHelpAfterError('(meshlift lab --help lists what there is)');

  const commandOf = (parent: Command, spec: string, text: string) =>
    parent.command(spec).description(text).option('--name <name>', 'which lab', DEFAULT_NAME);
  const command = (spec: string, text: string) => commandOf(program, spec, text);
  const output = ['-o, --output <format>', 'json, for programs', jsonOnly] as const;

  command('up', 'start a lab; find it when it runs already')
    .option('--clusters <number>', `how many clusters, 1 to ${MAX_CLUSTERS}`, clusterCount, 2)
    .option('--no-vm', 'without the VM')
    .option('--images <file>', 'a catalogue of images of your own; may be given several times', collect, [])
    .option('--wait', 'do not return before all is ready (always so; for scripts that say it)')
    .option('--leave-failed', 'keep a lab that could not start, to look into it')
    .option(...output)
    .action(async (options) => ended(await up(options, io)));
  command('down', 'end a lab and remove all of it').action(async (options) => down(options, io));
  command('status', 'what runs, where it is reached, and how it is')
    .option('--wait', 'until the lab is running')
    .option(...output)
    .action(async (options) => ended(await status(options, io)));
  command('ssh [command...]', 'a shell on the VM, or one command there')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words, options) => ended(await ssh(words, options, io)));
  command('logs [component]', "a component's log; without one, which there are")
    .option('-f, --follow', 'go on with what is written from now on')
    .option('--tail <lines>', 'only the last lines', lineCount)
    .action(async (component, options) => logs(component, options, io));
  command('kubeconfig', 'the path of the kubeconfig: export KUBECONFIG=$(… lab kubeconfig)').action(
    async (options) => kubeconfig(options, io),
  );

  addPartsCommands(program, io, cacheFolder(io.env));

  const vm = program.command('vm').description('the VM');
  for (const action of Object.keys(VM_POWER_ACTIONS) as VmPowerAction[]) {
    commandOf(vm, action, VM_POWER_ACTIONS[action].text).action((options) => vmPower(action, options, io));
  }

  const faults = program.command('fault').description('break something on purpose, until `heal` or `down`');
  commandOf(
    faults,
    'cut <machine>',
    'lose every packet to and from cluster1, cluster2, … or vm, in silence',
  ).action((machine, options) => fault.cut(machine, options, io));
  commandOf(faults, 'delay <machine> <time>', 'slow its link, such as: delay vm 80ms').action(
    (machine, time, options) => fault.delay(machine, time, options, io),
  );
  commandOf(faults, 'heal [machine]', 'make links whole again').action((machine, options) =>
    fault.heal(machine, options, io),
  );
  commandOf(
    faults,
    'kill <part>',
    'kill -9 a component, or the pods of a workload: kill cluster1/istiod',
  ).action((name, options) => fault.kill(name, options, io));
  return program;
}

function clusterCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > MAX_CLUSTERS) {
    throw new InvalidArgumentError(`A lab has 1 to ${MAX_CLUSTERS} clusters.`);
  }
  return count;
}

function lineCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 0) throw new InvalidArgumentError('That is not a number of lines.');
  return count;
}

function jsonOnly(value: string): string {
  if (value !== 'json') throw new InvalidArgumentError('The only format is json.');
  return value;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
