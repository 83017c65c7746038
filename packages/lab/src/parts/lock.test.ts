import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withLock } from './lock.ts';

// Each starts other processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 30_000 });

const never = new AbortController().signal;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshlift-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

/** Another process that takes the lock, says so and keeps it until it is killed. */
async function otherHolder(): Promise<{ pid: number; kill(): Promise<void> }> {
  const program = `
    const { withLock } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)});
    await withLock(${JSON.stringify(path)}, new AbortController().signal, () => {}, async () => {
      console.log('held');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(
    process.execPath,
    ['--experimental-strip-types', '--no-warnings', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  expect(line).toBe('held');
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('withLock', () => {
  it('waits for another process, says which, and gets the lock when that one is killed', async () => {
    const other = await otherHolder();
    const waited = vi.fn();
    const order: string[] = [];
    const mine = withLock(path, never, waited, async () => {
      order.push('mine');
      return 'result';
    });
    await vi.waitFor(() => expect(waited).toHaveBeenCalled(), { timeout: 20_000 });
    order.push('other killed');
    await other.kill();
    expect(await mine).toBe('result');
    expect(order).toEqual(['other killed', 'mine']);
    expect(waited).toHaveBeenCalledExactlyOnceWith({ pid: other.pid, since: expect.any(String) });
  });

  it('lets work in one at a time', async () => {
    const log = join(folder, 'log');
    const task = (name: string) =>
      withLock(
        path,
        never,
        () => {},
        async () => {
          await appendFile(log, `${name} in\n`);
          await setImmediate();
          await appendFile(log, `${name} out\n`);
        },
      );
    await Promise.all([task('a'), task('b'), task('c')]);
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    for (let i = 0; i < lines.length; i += 2) {
      expect(lines[i + 1]).toBe(lines[i]?.replace('in', 'out'));
    }
    expect(lines).toHaveLength(6);
  });

  it('stops waiting when it is aborted, and then leaves the lock to the others', async () => {
    const other = await otherHolder();
    const controller = new AbortController();
    const work = vi.fn();
    const mine = withLock(path, controller.signal, () => controller.abort(new Error('enough')), work);
    await expect(mine).rejects.toThrow('enough');
    expect(work).not.toHaveBeenCalled();
    await other.kill();
    await withLock(
      path,
      never,
      () => {},
      async () => work(),
    );
    expect(work).toHaveBeenCalledOnce();
  });

  it('gives the lock back when the work fails', async () => {
    const failing = withLock(
      path,
      never,
      () => {},
      () => Promise.reject(new Error('failed')),
    );
    await expect(failing).rejects.toThrow('failed');
    await expect(
      withLock(
        path,
        never,
        () => {},
        async () => 'next',
      ),
    ).resolves.toBe('next');
  });
});
