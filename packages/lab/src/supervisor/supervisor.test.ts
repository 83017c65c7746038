import { expect, test, vi } from 'vitest';
import type { Component } from './component.ts';
import { EventLog, type LabEvent } from './events.ts';
import type { Launcher, RunningProcess } from './launcher.ts';
import { Supervisor } from './supervisor.ts';

/** Processes that do what the test says. */
class FakeLauncher implements Launcher {
  readonly launched: string[] = [];
  readonly #running = new Map<string, (how: string) => void>();
  #pid = 100;
  /** Names whose processes end at once. */
  readonly broken = new Set<string>();

  async launch({ name }: Component): Promise<RunningProcess> {
    this.launched.push(name);
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    this.#running.set(name, resolve);
    if (this.broken.has(name)) resolve('exit code 1');
    this.#pid += 1;
    return { pid: this.#pid, ended, kill: (signal) => resolve(`signal ${signal}`) };
  }

  end(name: string, how = 'exit code 1'): void {
    this.#running.get(name)?.(how);
  }
}

function component(name: string, more: Partial<Component> = {}): Component {
  return { name, netns: null, argv: [name], ...more };
}

function setUp() {
  const launcher = new FakeLauncher();
  const events = new EventLog();
  const seen: LabEvent[] = [];
  events.follow((event) => seen.push(event));
  return { launcher, events, seen, supervisor: new Supervisor(launcher, events) };
}

test('a component starts only when what it comes after is ready, and the rest starts at once', async () => {
  const { launcher, supervisor } = setUp();
  let etcdReady = false;
  const started = supervisor.start(
    [
      component('apiserver', { after: ['etcd'] }),
      component('etcd', { ready: async () => etcdReady }),
      component('other'),
    ],
    [],
  );
  await vi.waitFor(() => expect(launcher.launched).toEqual(['etcd', 'other']));
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(launcher.launched).not.toContain('apiserver');
  etcdReady = true;
  await started;
  expect(launcher.launched).toContain('apiserver');
  await supervisor.stop();
});

test('what a readiness check rejects with is shown as what is waited for', async () => {
  const { supervisor, seen } = setUp();
  let tries = 0;
  const ready = async () => {
    tries += 1;
    if (tries === 1) throw new Error('connection refused');
    return true;
  };
  await supervisor.start([component('etcd', { ready })], []);
  expect(seen).toContainEqual(
    expect.objectContaining({ type: 'waiting', for: 'it to answer (connection refused)' }),
  );
  await supervisor.stop();
});

test('a component that dies is started again, and the restart is counted', async () => {
  const { launcher, supervisor, seen } = setUp();
  await supervisor.start([component('etcd')], []);
  const before = supervisor.components()[0]?.pid;
  launcher.end('etcd', 'signal SIGKILL');
  await vi.waitFor(() => expect(supervisor.components()[0]?.restarts).toBe(1));
  expect(supervisor.components()[0]?.pid).not.toBe(before);
  expect(seen).toContainEqual(
    expect.objectContaining({ type: 'exited', how: 'signal SIGKILL', restartInMs: 200 }),
  );
  await supervisor.stop();
});

test('a component that cannot get ready fails the start with its name', async () => {
  vi.useFakeTimers();
  try {
    const { launcher, supervisor } = setUp();
    launcher.broken.add('etcd');
    const failure = expect(
      supervisor.start([component('etcd', { ready: async () => false })], []),
    ).rejects.toThrow(/etcd ended 6 times before it was ready \(exit code 1\)/);
    await vi.advanceTimersByTimeAsync(15_000);
    await failure;
    expect(supervisor.components()[0]?.health).toBe('failed');
    await supervisor.stop();
  } finally {
    vi.useRealTimers();
  }
});

test('a task runs after its components, and its failure fails the start', async () => {
  const { supervisor, seen } = setUp();
  const run = async () => {
    throw new Error('the manifests are wrong');
  };
  const started = supervisor.start(
    [component('apiserver')],
    [{ name: 'manifests', after: ['apiserver'], run }],
  );
  await expect(started).rejects.toThrow('manifests: the manifests are wrong');
  const order = seen.filter(({ type }) => type !== 'waiting').map(({ name, type }) => `${name} ${type}`);
  expect(order).toEqual(['apiserver starting', 'apiserver ready', 'manifests starting', 'manifests failed']);
  await supervisor.stop();
});

test('a restart on request ends the process in good order and starts it without back-off', async () => {
  const { supervisor, seen } = setUp();
  await supervisor.start([component('vm')], []);
  await supervisor.restart('vm');
  expect(seen).toContainEqual(
    expect.objectContaining({ type: 'exited', how: 'signal SIGTERM', restartInMs: 0 }),
  );
  expect(supervisor.components()[0]).toMatchObject({ restarts: 1, health: 'ready' });
  await supervisor.stop();
});

test('after stop nothing is started again', async () => {
  const { launcher, supervisor } = setUp();
  await supervisor.start([component('etcd')], []);
  await supervisor.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(launcher.launched).toEqual(['etcd']);
});

test('killing a component that does not exist says so', () => {
  expect(setUp().supervisor.kill('nobody')).toBe(false);
});
