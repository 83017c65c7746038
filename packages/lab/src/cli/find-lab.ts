import { EXIT, LabError } from '../errors.ts';
import type { LabStatus } from '../plan/lab-status.ts';
import { StateFolder } from '../plan/state-folder.ts';
import { isUp, readStatus } from '../sandbox/lab-control.ts';
import type { LabIo } from './io.ts';

export const DEFAULT_NAME = 'lab';

/** The folder of the lab called `name`; refuses names that would not make one plain folder. */
export function stateOf(name: string, io: LabIo): StateFolder {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new LabError(
      `--name ${name}: a lab's name is 1 to 32 lower-case letters, digits and dashes, such as --name second`,
      EXIT.usage,
    );
  }
  const state = StateFolder.of(name, io.env);
  const problem = state.problem();
  if (problem) throw new LabError(problem, EXIT.badInput);
  return state;
}

/** The command that starts the lab called `name`, as it is quoted in messages. */
export function upCommand(name: string): string {
  return `\`meshlift lab up${name === DEFAULT_NAME ? '' : ` --name ${name}`}\``;
}

/** The running lab called `name`, or an error that says how to get one. */
export async function runningLab(
  name: string,
  io: LabIo,
): Promise<{ state: StateFolder; status: LabStatus }> {
  const state = stateOf(name, io);
  const status = (await isUp(state)) ? await readStatus(state) : null;
  if (!status) {
    throw new LabError(
      `there is no running lab called ${name}: start one with ${upCommand(name)}`,
      EXIT.badInput,
    );
  }
  return { state, status };
}
