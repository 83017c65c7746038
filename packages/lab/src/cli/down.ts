import { readdir } from 'node:fs/promises';
import { isUp, takeDown } from '../sandbox/lab-control.ts';
import { seconds } from './boot-lines.ts';
import { stateOf } from './find-lab.ts';
import { type LabIo, say } from './io.ts';

export async function down(options: { name: string }, io: LabIo): Promise<void> {
  const state = stateOf(options.name, io);
  const started = performance.now();
  const wasUp = await isUp(state);
  const found = (await readdir(state.path).catch(() => [])).length > 0;
  await takeDown(state);
  const took = seconds(performance.now() - started);
  if (wasUp) say(io, `lab ${options.name} is down, and nothing of it is left (${took})`);
  else if (found) say(io, `lab ${options.name} was not running; what it had left is removed (${took})`);
  else say(io, `there is no lab ${options.name}: nothing to do`);
}
