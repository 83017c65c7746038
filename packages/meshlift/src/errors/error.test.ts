import { expect, test } from 'vitest';
import { errorCodes, exitCodes } from './codes.ts';
import { isMeshliftError, MeshliftError } from './error.ts';

const failure = new MeshliftError('ssh-denied', {
  where: 'VM admin@10.0.0.5:22',
  why: 'it accepts none of our keys',
  next: 'add the key',
  cause: new Error('exit 255'),
});

test('an error says where and why, and carries what to do and what caused it', () => {
  expect(failure.message).toBe('VM admin@10.0.0.5:22: it accepts none of our keys');
  expect(failure).toMatchObject({ code: 'ssh-denied', next: 'add the key', name: 'MeshliftError' });
  expect(failure.cause).toBeInstanceOf(Error);
});

test('an error is known by its code; anything else that is thrown is not ours', () => {
  expect(isMeshliftError(failure)).toBe(true);
  expect(isMeshliftError(failure, 'ssh-denied')).toBe(true);
  expect(isMeshliftError(failure, 'ssh-sudo')).toBe(false);
  expect(isMeshliftError(new Error('ssh-denied'))).toBe(false);
  expect(isMeshliftError(undefined)).toBe(false);
});

test('exit codes are told apart, and none is one that shells use', () => {
  const codes = Object.values(exitCodes);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.every((code) => code >= 0 && code < 126)).toBe(true);
});

test('every failure ends with an exit code of a failure, and has a title', () => {
  for (const [code, { exit, title }] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(exit).not.toBe(exitCodes.done);
    expect(title).toMatch(/^[a-z].*[^.]$/);
  }
});
