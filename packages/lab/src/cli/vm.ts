import { EXIT, LabError } from '../errors.ts';
import { callUnixJson } from '../sandbox/unix-http.ts';
import { seconds } from './boot-lines.ts';
import { runningLab } from './find-lab.ts';
import { type LabIo, say } from './io.ts';

/** What can be done with the VM's power; the past tense is what is said when it is done. */
export const VM_POWER_ACTIONS = {
  reboot: { text: 'end everything on it in good order and start it anew', done: 'has rebooted' },
  stop: { text: 'shut it down in good order; it stays off', done: 'is off' },
  start: { text: 'switch it on', done: 'is on' },
  kill: { text: 'pull its plug; it stays off', done: 'is off, without a warning' },
} as const;

export type VmPowerAction = keyof typeof VM_POWER_ACTIONS;

/** Returns when it is done; after `reboot` and `start`, sshd answers. */
export async function vmPower(action: VmPowerAction, options: { name: string }, io: LabIo): Promise<void> {
  const { state, status } = await runningLab(options.name, io);
  if (!status.vm) throw new LabError(`lab ${options.name} was started with --no-vm`, EXIT.badInput);
  const started = performance.now();
  await callUnixJson(state.sandboxSocket, 'POST', `/vm/${action}`);
  say(io, `the VM ${VM_POWER_ACTIONS[action].done} (${seconds(performance.now() - started)})`);
}
