import { Backoff } from './backoff.ts';
import type { Component } from './component.ts';
import type { EventLog } from './events.ts';
import type { Launcher, RunningProcess } from './launcher.ts';
import { checkStartOrder } from './start-order.ts';
import type { Task } from './task.ts';

export type Health = 'ready' | 'starting' | 'failed';

export interface ComponentState {
  readonly name: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly health: Health;
}

const POLL_MS = 50;
/** One question to a component; a process that hangs must not hang its supervisor. */
const PROBE_TIMEOUT_MS = 2_000;
/** A component that ends this often before it was ever ready will not get ready. */
const ENDS_BEFORE_READY = 6;
/** Longer than anything takes to start on a slow machine with every part cold. */
const READY_DEADLINE_MS = 180_000;

/** Starts components and tasks in the order of their dependencies, everything that can at once. */
export class Supervisor {
  readonly #launcher: Launcher;
  readonly #events: EventLog;
  readonly #now: () => number;
  readonly #kept = new Map<string, KeptComponent>();
  readonly #stopping = new AbortController();

  constructor(launcher: Launcher, events: EventLog, now: () => number = () => performance.now()) {
    this.#launcher = launcher;
    this.#events = events;
    this.#now = now;
  }

  /**
   * Resolves once every task has ended and every component has been ready. Rejects with the first failure;
   * what runs by then keeps running until `stop`.
   */
  async start(components: readonly Component[], tasks: readonly Task[]): Promise<void> {
    checkStartOrder([...components, ...tasks]);
    const done = new Map<string, Promise<void>>();
    const after = async (names: readonly string[] = []) => {
      // Everything is in `done` before anything looks there.
      await null;
      await Promise.all(names.map((name) => done.get(name)));
    };
    for (const component of components) {
      const kept = new KeptComponent(
        component,
        this.#launcher,
        this.#events,
        this.#now,
        this.#stopping.signal,
      );
      this.#kept.set(component.name, kept);
      done.set(
        component.name,
        after(component.after).then(() => kept.start()),
      );
    }
    for (const task of tasks) {
      done.set(
        task.name,
        after(task.after).then(() => this.#run(task)),
      );
    }
    await Promise.all(done.values());
  }

  /** Every component, in the order in which they were given. */
  components(): ComponentState[] {
    return [...this.#kept.values()].map((kept) => kept.state());
  }

  /** Kills a component's process without a word; it is restarted with back-off. False: no such component. */
  kill(name: string): boolean {
    const kept = this.#kept.get(name);
    kept?.kill();
    return kept !== undefined;
  }

  /** Ends a component's process in good order and starts it again at once; resolves when it is ready. */
  async restart(name: string): Promise<void> {
    const kept = this.#kept.get(name);
    if (!kept) throw new Error(`there is no component ${name}`);
    await kept.restart();
  }

  /** Ends every process and starts none again. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the lab is going down'));
    await Promise.all([...this.#kept.values()].map((kept) => kept.end()));
  }

  async #run(task: Task): Promise<void> {
    const started = this.#now();
    this.#events.record({ at: started, name: task.name, type: 'starting' });
    let last = '';
    const waitingFor = (what: string) => {
      if (what === last) return;
      last = what;
      this.#events.record({ at: this.#now(), name: task.name, type: 'waiting', for: what });
    };
    try {
      await task.run(this.#stopping.signal, waitingFor);
    } catch (error) {
      const message = `${task.name}: ${(error as Error).message}`;
      if (!this.#stopping.signal.aborted) {
        this.#events.record({ at: this.#now(), name: task.name, type: 'failed', message });
      }
      throw new Error(message, { cause: error });
    }
    this.#events.record({ at: this.#now(), name: task.name, type: 'ready', tookMs: this.#now() - started });
  }
}

/** One component over all the lives of its process. */
class KeptComponent {
  readonly #component: Component;
  readonly #launcher: Launcher;
  readonly #events: EventLog;
  readonly #now: () => number;
  readonly #stopping: AbortSignal;
  readonly #backoff = new Backoff();
  #process: RunningProcess | null = null;
  #restarts = -1;
  #health: Health = 'starting';
  #skipBackoff = false;
  #wake: () => void = () => {};

  constructor(
    component: Component,
    launcher: Launcher,
    events: EventLog,
    now: () => number,
    stopping: AbortSignal,
  ) {
    this.#component = component;
    this.#launcher = launcher;
    this.#events = events;
    this.#now = now;
    this.#stopping = stopping;
  }

  state(): ComponentState {
    return {
      name: this.#component.name,
      pid: this.#process?.pid ?? null,
      restarts: Math.max(this.#restarts, 0),
      health: this.#health,
    };
  }

  /** Resolves when first ready; the process is kept running from then on. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#keep(resolve).catch((error: Error) => {
        this.#health = 'failed';
        if (!this.#stopping.aborted) {
          this.#events.record({
            at: this.#now(),
            name: this.#component.name,
            type: 'failed',
            message: error.message,
          });
        }
        reject(error);
      });
    });
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  async restart(): Promise<void> {
    const ending = this.#process;
    this.#skipBackoff = true;
    this.#health = 'starting';
    this.#wake();
    ending?.kill('SIGTERM');
    await ending?.ended;
    while (this.state().health !== 'ready' || this.#process === ending) {
      this.#stopping.throwIfAborted();
      await pause(POLL_MS, this.#stopping);
    }
  }

  async end(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.ended;
  }

  async #keep(firstReady: () => void): Promise<void> {
    let endsBeforeReady = 0;
    while (!this.#stopping.aborted) {
      const started = this.#now();
      this.#health = 'starting';
      this.#events.record({ at: started, name: this.#component.name, type: 'starting' });
      const process = await this.#launcher.launch(this.#component);
      this.#process = process;
      this.#restarts += 1;
      const life = new AbortController();
      const becameReady = this.#untilReady(AbortSignal.any([life.signal, this.#stopping]), started);
      const ready: Promise<Error | undefined> = becameReady.then(
        () => {
          endsBeforeReady = Number.NEGATIVE_INFINITY;
          this.#health = 'ready';
          this.#events.record({
            at: this.#now(),
            name: this.#component.name,
            type: 'ready',
            tookMs: this.#now() - started,
          });
          firstReady();
          return undefined;
        },
        (error: Error) => (life.signal.aborted || this.#stopping.aborted ? undefined : error),
      );
      const late = async () => (await ready) ?? (await process.ended);
      const how = await Promise.race([process.ended, late()]);
      if (how instanceof Error) {
        // Alive but not ready in all that time. Its first start fails the boot; a later one is started over.
        if (endsBeforeReady >= 0) throw how;
        process.kill('SIGKILL');
        await process.ended;
      }
      life.abort();
      this.#process = null;
      if (this.#stopping.aborted) return;
      this.#health = 'starting';
      endsBeforeReady += 1;
      const ended = how instanceof Error ? how.message : how;
      if (endsBeforeReady >= ENDS_BEFORE_READY) {
        throw new Error(
          `${this.#component.name} ended ${endsBeforeReady} times before it was ready (${ended})`,
        );
      }
      const delay = this.#skipBackoff ? 0 : this.#backoff.delayAfter(this.#now() - started);
      this.#skipBackoff = false;
      this.#events.record({
        at: this.#now(),
        name: this.#component.name,
        type: 'exited',
        how: ended,
        restartInMs: delay,
      });
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(delay, AbortSignal.any([this.#stopping, woken.signal]));
    }
  }

  async #untilReady(signal: AbortSignal, started: number): Promise<void> {
    const { ready, name } = this.#component;
    let last = '';
    while (ready) {
      const attempt = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
      const answer = await ready(attempt).then(
        (yes) => (yes ? null : 'it to be ready'),
        (error: Error) => (attempt.aborted ? 'it to answer' : `it to answer (${error.message})`),
      );
      signal.throwIfAborted();
      if (answer === null) return;
      if (this.#now() - started > READY_DEADLINE_MS) {
        throw new Error(`${name} was not ready after ${READY_DEADLINE_MS / 1000} s of waiting for ${answer}`);
      }
      if (answer !== last) {
        last = answer;
        this.#events.record({ at: this.#now(), name, type: 'waiting', for: answer });
      }
      await pause(POLL_MS, signal);
      signal.throwIfAborted();
    }
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
