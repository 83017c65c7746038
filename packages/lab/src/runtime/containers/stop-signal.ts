import { constants } from 'node:os';
import { InvalidContainerError } from './invalid-container.ts';

const SIGTERM = constants.signals.SIGTERM;
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** The number of the signal by which a container is asked to stop; SIGTERM unless the pod says otherwise. @throws InvalidContainerError */
export function stopSignalNumber(name: string): number {
  if (name === '' || name === 'RUNTIME_DEFAULT') return SIGTERM;
  if (name === 'SIGCLD') return constants.signals.SIGCHLD;
  const realTime = /^SIGRT(?:MIN(?:PLUS(\d+))?|MAX(?:MINUS(\d+))?)$/.exec(name);
  if (realTime) {
    return name.startsWith('SIGRTMIN')
      ? SIGRTMIN + Number(realTime[1] ?? 0)
      : SIGRTMAX - Number(realTime[2] ?? 0);
  }
  const number = (constants.signals as Readonly<Record<string, number>>)[name];
  if (number === undefined) throw new InvalidContainerError(`signal "${name}" is not known on this machine`);
  return number;
}
