import { expect, it } from 'vitest';
import { stopSignalNumber } from './stop-signal.ts';

it.each([
  ['RUNTIME_DEFAULT', 15],
  ['', 15],
  ['SIGQUIT', 3],
  ['SIGUSR1', 10],
  ['SIGCLD', 17],
  ['SIGRTMIN', 34],
  ['SIGRTMINPLUS3', 37],
  ['SIGRTMAX', 64],
  ['SIGRTMAXMINUS14', 50],
])('the stop signal %s is number %i', (name, number) => {
  expect(stopSignalNumber(name)).toBe(number);
});

it('an unknown stop signal is refused', () => {
  expect(() => stopSignalNumber('SIGNOTHING')).toThrow(/SIGNOTHING/);
});
