import { inNamespace } from '../supervisor/launcher.ts';
import { runProgram } from '../supervisor/run-program.ts';
import { type Machine, networkCommands } from './topology.ts';

/** Makes the lab's bridges, links and namespaces, in the network namespace of the calling process. */
export async function buildNetwork(machines: readonly Machine[]): Promise<void> {
  for (const { netns, argv, stdin } of networkCommands(machines)) {
    await runProgram(inNamespace(netns, argv), { stdin });
  }
}
