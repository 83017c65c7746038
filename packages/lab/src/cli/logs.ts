import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, LabError } from '../errors.ts';
import { runningLab } from './find-lab.ts';
import { type LabIo, print } from './io.ts';

export async function logs(
  component: string | undefined,
  options: { name: string; follow?: boolean; tail?: number },
  io: LabIo,
): Promise<void> {
  const { state, status } = await runningLab(options.name, io);
  const names = status.components.map(({ name }) => name);
  if (component === undefined) return print(io, names.join('\n'));
  if (!names.includes(component)) {
    throw new LabError(
      `lab ${options.name} has no component ${component}; \`lab logs\` lists them, and \`kubectl logs\` has the pods'`,
      EXIT.badInput,
    );
  }
  const path = join(state.logs, `${component}.log`);
  await access(path);
  const argv = [
    '-n',
    options.tail === undefined ? '+1' : String(options.tail),
    ...(options.follow ? ['-F'] : []),
    path,
  ];
  await new Promise<void>((resolve, reject) => {
    const child = spawn('tail', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    io.signal.addEventListener('abort', () => child.kill());
    child.stdout.pipe(io.stdout, { end: false });
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}
