import { expect, test } from 'vitest';
import { memoryOf, readProcesses } from './process-memory.ts';

test('a process counts for the nearest of the asked-for processes above it', () => {
  const processes = [
    { pid: 1, parent: 0, rssBytes: 1 },
    { pid: 10, parent: 1, rssBytes: 100 },
    { pid: 11, parent: 10, rssBytes: 20 },
    { pid: 20, parent: 11, rssBytes: 3 },
    { pid: 30, parent: 1, rssBytes: 1000 },
  ];
  expect(memoryOf([10, 20], processes)).toEqual(
    new Map([
      [10, 120],
      [20, 3],
    ]),
  );
});

test('this process is among those of /proc, with its parent and some memory', () => {
  const own = readProcesses().find(({ pid }) => pid === process.pid);
  expect(own?.parent).toBe(process.ppid);
  expect(own?.rssBytes).toBeGreaterThan(10 * 1024 ** 2);
});
