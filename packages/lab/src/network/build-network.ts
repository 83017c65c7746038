import { inNamespace } from '../supervisor/launcher.ts';
import { runProgram } from '../supervisor/run-program.ts';
import { type Machine, type NetworkCommand, networkCommands } from './topology.ts';

/** Makes the lab's bridges, links and namespaces, in the network namespace of the calling process. */
export async function buildNetwork(machines: readonly Machine[]): Promise<void> {
  const commands = networkCommands(machines);
  await run(commands.filter(({ netns }) => netns === null));
  await Promise.all(machines.map(({ name }) => run(commands.filter(({ netns }) => netns === name))));
}

async function run(commands: readonly NetworkCommand[]): Promise<void> {
  for (const { netns, argv, stdin } of commands) await runProgram(inNamespace(netns, argv), { stdin });
}
