import { spawn } from 'node:child_process';
import { EXIT, LabError } from '../errors.ts';
import { runningLab } from './find-lab.ts';
import type { LabIo } from './io.ts';

/** Becomes `ssh`; resolves with its exit code, which is that of the command on the VM. */
export async function ssh(words: readonly string[], options: { name: string }, io: LabIo): Promise<number> {
  const { status } = await runningLab(options.name, io);
  if (!status.vm) {
    throw new LabError(
      `lab ${options.name} was started with --no-vm, so there is nothing to ssh to`,
      EXIT.badInput,
    );
  }
  if (!status.vm.on)
    throw new LabError(`the VM of lab ${options.name} is off: \`lab vm start\` switches it on`);
  const { config, host } = status.vm.ssh;
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', ['-F', config, host, ...words], { stdio: 'inherit', env: io.env });
    child.once('error', () => reject(new LabError('ssh is not installed: apt-get install openssh-client')));
    child.once('exit', (code, signal) => resolve(signal ? 255 : (code ?? 255)));
  });
}
