import { EXIT, LabError, UnknownName } from '../errors.ts';
import { callUnixJson } from '../sandbox/unix-http.ts';
import { runningLab } from './find-lab.ts';
import { type LabIo, say } from './io.ts';

interface Named {
  readonly name: string;
}

export async function cut(machine: string, options: Named, io: LabIo): Promise<void> {
  await ask(options, io, '/faults/cut', { machine });
  say(io, `${machine} is cut off: nothing reaches it or leaves it until \`lab fault heal\``);
}

export async function delay(machine: string, time: string, options: Named, io: LabIo): Promise<void> {
  const milliseconds = Number(/^(\d+)ms$/.exec(time)?.[1] ?? Number.NaN);
  if (Number.isNaN(milliseconds)) {
    throw new LabError(`${time}: write the delay in milliseconds, such as 80ms`, EXIT.usage);
  }
  await ask(options, io, '/faults/delay', { machine, milliseconds });
  say(io, `every packet to ${machine} and from it takes ${time} longer, until \`lab fault heal\``);
}

export async function heal(machine: string | undefined, options: Named, io: LabIo): Promise<void> {
  const { healed } = await ask<{ healed: string[] }>(options, io, '/faults/heal', { machine });
  say(io, healed.length > 0 ? `healed: ${healed.join(', ')}` : 'no link was broken');
}

export async function kill(name: string, options: Named, io: LabIo): Promise<void> {
  const { killed } = await ask<{ killed: string[] }>(options, io, '/kill', { name });
  say(io, `killed: ${killed.join(', ')}`);
}

async function ask<T>(options: Named, io: LabIo, path: string, body: object): Promise<T> {
  const { state } = await runningLab(options.name, io);
  try {
    return await callUnixJson<T>(state.sandboxSocket, 'POST', path, { body });
  } catch (error) {
    const code = error instanceof UnknownName ? EXIT.badInput : EXIT.failed;
    throw new LabError((error as Error).message, code, { cause: error });
  }
}
