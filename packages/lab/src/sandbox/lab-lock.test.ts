import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holdsLabLock, LOCK_HELD, removeLabLock, withLabLock } from './lab-lock.ts';

const lock = () => join(mkdtempSync(join(tmpdir(), 'lab-lock-')), 'lab.lock');

/** Runs a command under the lock; resolves with its exit code. */
async function run(path: string, ...argv: string[]): Promise<number> {
  const [program, ...args] = withLabLock(path, argv);
  const [code] = await once(spawn(program, args), 'exit');
  return code;
}

test('the lock is held for as long as its command runs, and nobody else gets it or removes it meanwhile', async () => {
  const path = lock();
  const [program, ...args] = withLabLock(path, ['sh', '-c', 'echo mine; exec cat']);
  const holder = spawn(program, args);
  await once(holder.stdout, 'data');
  expect(await run(path, 'true')).toBe(LOCK_HELD);
  await removeLabLock(path, 0);
  expect(existsSync(path)).toBe(true);
  holder.stdin.end();
  await once(holder, 'exit');
  expect(await run(path, 'true')).toBe(0);
  await removeLabLock(path, 0);
  expect(existsSync(path)).toBe(false);
});

test('removing waits for the holder to end', async () => {
  const path = lock();
  const [program, ...args] = withLabLock(path, ['sh', '-c', 'echo mine; sleep 0.3']);
  await once(spawn(program, args).stdout, 'data');
  await removeLabLock(path, 10);
  expect(existsSync(path)).toBe(false);
});

test('where there is no lock there is nothing to remove', async () => {
  await removeLabLock('/nowhere/lab.lock', 0);
});

test('a lock whose file is gone, or another one by now, is not the one that others ask for', async () => {
  const path = lock();
  const file = openSync(path, 'w');
  expect(await holdsLabLock(path)).toBe(true);
  rmSync(path);
  expect(await holdsLabLock(path)).toBe(false);
  closeSync(openSync(path, 'w'));
  expect(await holdsLabLock(path)).toBe(false);
  closeSync(file);
});
