import { EXIT, LabError } from '../errors.ts';
import { callUnixJson } from '../sandbox/unix-http.ts';
import { seconds } from './boot-lines.ts';
import { runningLab } from './find-lab.ts';
import { type LabIo, say } from './io.ts';

/** Ends everything on the VM and starts it anew; returns when it is up again. */
export async function reboot(options: { name: string }, io: LabIo): Promise<void> {
  const { state, status } = await runningLab(options.name, io);
  if (!status.vm) throw new LabError(`lab ${options.name} was started with --no-vm`, EXIT.badInput);
  const started = performance.now();
  await callUnixJson(state.sandboxSocket, 'POST', '/restart', { body: { name: 'vm' } });
  say(io, `the VM has rebooted (${seconds(performance.now() - started)})`);
}
