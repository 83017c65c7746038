import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { isAlive, startTimeOf } from './process-table.ts';

it('the start time is found behind a name with blanks and parentheses', () => {
  const fields = Array.from({ length: 30 }, (_, index) => String(index + 4));
  expect(startTimeOf(`12 (tmux: (server) 7) S ${fields.join(' ')}`)).toBe('22');
});

it('a process is told from another with the same number', async () => {
  const startTime = startTimeOf(await readFile('/proc/self/stat', 'utf8')) ?? '';
  expect(await isAlive({ pid: process.pid, startTime })).toBe(true);
  expect(await isAlive({ pid: process.pid, startTime: `${startTime}0` })).toBe(false);
});
