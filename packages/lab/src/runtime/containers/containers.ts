import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { nanosecondsNow } from '../clock.ts';
import type { ContainerConfig, PodSandboxConfig } from '../cri/messages.ts';
import { CallError } from '../cri/protocol.ts';
import type { Image } from '../images/image.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import { isAlive, signal } from '../process-table.ts';
import type { ProgramResult } from '../program.ts';
import { type Shim, StartError } from '../shim.ts';
import { newIdentifier, type StateFolder } from '../state-folder.ts';
import { refusal, unsupportedInContainer } from '../unsupported.ts';
import { type Container, containerState, type Exited, type Started } from './container.ts';
import { EndWaiters } from './end-waiters.ts';
import type { UserDatabases } from './identity.ts';
import { InvalidContainerError } from './invalid-container.ts';
import { type PodOfContainer, prepareContainer } from './prepare-container.ts';
import { stopSignalNumber } from './stop-signal.ts';

/** What the kernel's own kill of a container looks like. */
const killedExitCode = 128 + constants.signals.SIGKILL;
/** What other runtimes report for a program that could not be executed. */
const startFailedExitCode = 128;
/** Milliseconds that a killed process gets to disappear. */
const killPatience = 10_000;
/** Milliseconds between looks at shims that an earlier run of this runtime started. */
const adoptedShimInterval = 1_000;
/** Milliseconds that a step of a pod's preparation, such as setting its traffic rules, mostly takes less than. */
const shortStep = 300;

export interface ContainersOptions {
  readonly state: StateFolder;
  readonly shim: Shim;
  /** The lab's Debian root. */
  readonly rootfs: string;
  /** Where the kubelet keeps its volumes. */
  readonly volumesFolder: string;
  readonly userNamespace: boolean;
  readonly report: (problem: string) => void;
}

/** The containers of this node. */
export class Containers {
  readonly #options: ContainersOptions;
  readonly #containers = new Map<string, Container>();
  readonly #waiters = new EndWaiters();
  readonly #queue = new KeyedQueue();
  readonly #adopted = new Set<string>();
  #watcher: FSWatcher | null = null;
  #adoptedTimer: NodeJS.Timeout | null = null;

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  /** Takes over the containers on record, and notices which of them ended meanwhile. Call it once, first. */
  async recover(): Promise<void> {
    const { state } = this.#options;
    // Watched before the records are read, so that no end falls in between.
    this.#watcher = watch(state.exits, (_, name) => {
      if (name !== null && this.#containers.has(name))
        void this.#readExit(name).catch((error) => this.#report(name, error));
    });
    for (const container of await state.readContainers()) {
      this.#containers.set(container.record.id, container);
      if (containerState(container) === 'CONTAINER_RUNNING') this.#adopted.add(container.record.id);
    }
    await this.#lookAtAdopted();
    this.#adoptedTimer = setInterval(() => {
      void this.#lookAtAdopted().catch((error) => this.#report('adopted containers', error));
    }, adoptedShimInterval);
    this.#adoptedTimer.unref();
  }

  /** Stops watching; the containers go on. */
  close(): void {
    this.#watcher?.close();
    if (this.#adoptedTimer) clearInterval(this.#adoptedTimer);
  }

  all(): readonly Container[] {
    return [...this.#containers.values()];
  }

  ofPod(podId: string): readonly Container[] {
    return this.all().filter((container) => container.record.podId === podId);
  }

  /** @throws CallError NOT_FOUND */
  get(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) throw CallError.notFound('container', id);
    return container;
  }

  folder(id: string): string {
    return this.#options.state.container(id);
  }

  /** @throws CallError when the container asks for what this node cannot give */
  async create(
    podOf: PodOfContainer,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
    image: Image,
  ): Promise<string> {
    const { state, volumesFolder } = this.#options;
    const problems = unsupportedInContainer(config, volumesFolder);
    if (problems.length > 0) throw CallError.unsupported(refusal(problems));
    this.#refuseBesideRunning(podOf.pod.id, config);
    const id = newIdentifier();
    const { record, plan } = await this.#prepare(id, podOf, config, sandbox, image);
    await state.writeContainer(record, plan);
    this.#containers.set(id, { record, started: null, exited: null });
    return id;
  }

  /** As other runtimes do: whoever asks for it is mistaken, and the second one would never get its ports. */
  #refuseBesideRunning(podId: string, { metadata }: ContainerConfig): void {
    const name = metadata?.name;
    const running = this.ofPod(podId).find(
      (container) =>
        container.record.config.metadata?.name === name && containerState(container) === 'CONTAINER_RUNNING',
    );
    if (running)
      throw new CallError(
        status.ALREADY_EXISTS,
        `container ${name} of this pod already runs, as ${running.record.id}`,
      );
  }

  async #prepare(
    id: string,
    podOf: PodOfContainer,
    config: ContainerConfig,
    sandbox: PodSandboxConfig,
    image: Image,
  ) {
    const { state, rootfs, userNamespace } = this.#options;
    try {
      return prepareContainer({
        id,
        createdAt: nanosecondsNow(),
        config,
        sandbox,
        podOf,
        image,
        databases: await this.#userDatabases(image),
        folder: state.container(id),
        exitPath: state.exit(id),
        processes: this.#sharedProcesses(config),
        rootfs,
        userNamespace,
      });
    } catch (error) {
      if (error instanceof InvalidContainerError) throw CallError.unsupported(error.message);
      throw error;
    }
  }

  async #userDatabases(image: Image): Promise<UserDatabases> {
    const read = (path: string) => readFile(image.files[path] ?? join(this.#options.rootfs, path), 'utf8');
    return { passwd: await read('/etc/passwd'), group: await read('/etc/group') };
  }

  /** The process namespace of the container that an ephemeral container looks at. */
  #sharedProcesses(config: ContainerConfig): string {
    const namespaces = config.linux?.securityContext?.namespaceOptions;
    if (namespaces?.pid !== 'TARGET') return '';
    const { started, exited } = this.get(namespaces.targetId);
    if (!started || exited)
      throw CallError.unsupported(`container ${namespaces.targetId}, whose processes to see, is not running`);
    return `/proc/${started.pid}/ns/pid`;
  }

  /**
   * Starts a container that was created. Where nothing else runs in its pod, it also waits a moment for the container's
   * end: the kubelet looks at a pod as soon as a start has answered, and from then on once a second. A short step of a
   * pod's preparation is over by that first look, and the next one begins without a second's pause.
   *
   * @throws CallError when its program cannot be executed
   */
  async start(id: string): Promise<void> {
    const alone = !this.ofPod(this.get(id).record.podId).some(
      (container) => containerState(container) === 'CONTAINER_RUNNING',
    );
    await this.#start(id);
    if (alone) await this.#exits(id, shortStep);
  }

  #start(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      const { record } = this.get(id);
      await mkdir(dirname(record.logPath), { recursive: true });
      try {
        const started = await this.#options.shim.run(this.folder(id), () => {
          void this.#shimGone(id).catch((error) => this.#report(id, error));
        });
        this.#markStarted(id, started);
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        await this.#options.state.writeExit(id, {
          exitCode: startFailedExitCode,
          finishedAt: nanosecondsNow(),
          reason: 'StartError',
          message: error.message,
        });
        await this.#readExit(id);
        throw new CallError(status.UNKNOWN, error.message, { cause: error });
      }
    });
  }

  #markStarted(id: string, started: Started): void {
    const container = this.#containers.get(id);
    if (!container || container.started) return;
    this.#containers.set(id, { ...container, started });
  }

  /**
   * Asks a container to stop, and kills it when it has not after the grace period.
   *
   * @param grace milliseconds; 0 kills at once
   */
  async stop(id: string, grace: number): Promise<void> {
    const { record, started } = this.get(id);
    if (!started || this.get(id).exited) return;
    const identity = { pid: started.pid, startTime: started.pidStartTime };
    if (grace > 0) {
      await signal(identity, stopSignalNumber(record.config.stopSignal));
      if (await this.#exits(id, grace)) return;
    }
    await signal(identity, constants.signals.SIGKILL);
    if (await this.#exits(id, killPatience)) return;
    throw new Error(
      `process ${started.pid} of container ${id} is still there ${killPatience / 1000} s after SIGKILL`,
    );
  }

  /** Whether the container has ended within so many milliseconds. */
  async #exits(id: string, within: number): Promise<boolean> {
    const container = this.#containers.get(id);
    return !container || container.exited !== null || this.#waiters.wait(id, within);
  }

  /** Removes a container, killing it if it still runs. One that does not exist is no error. */
  remove(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      const container = this.#containers.get(id);
      if (!container) return;
      await this.stop(id, 0);
      await this.#options.state.removeContainer(id);
      this.#containers.delete(id);
      this.#adopted.delete(id);
    });
  }

  /** Runs a command in a running container. @param timeout milliseconds; absent means without limit */
  async exec(id: string, command: readonly string[], timeout: number | undefined): Promise<ProgramResult> {
    this.#running(id);
    return this.#options.shim.exec(this.folder(id), command, timeout);
  }

  /** Makes the container's log go on in a new file, after the kubelet has moved the old one. */
  async reopenLog(id: string): Promise<void> {
    const { started, record } = this.#running(id);
    // The kubelet looks for the new file as soon as this call has answered. The shim follows within moments; until
    // then it writes to the file that was moved, which is read and kept as well.
    await writeFile(record.logPath, '', { flag: 'a', mode: 0o640 });
    await signal({ pid: started.shimPid, startTime: started.shimStartTime }, constants.signals.SIGHUP);
  }

  #running(id: string): Container & { readonly started: Started } {
    const container = this.get(id);
    if (!container.started || container.exited) throw CallError.unsupported(`container ${id} is not running`);
    return { ...container, started: container.started };
  }

  async #readExit(id: string): Promise<void> {
    const exited = await this.#options.state.readExit(id);
    if (exited) await this.#markExited(id, exited);
  }

  async #markExited(id: string, exited: Exited): Promise<void> {
    const before = this.#containers.get(id);
    if (!before || before.exited) return;
    // A container may end before its start was reported here.
    const started = before.started ?? (await this.#options.state.readStarted(id));
    const container = this.#containers.get(id);
    if (!container || container.exited) return;
    const ended = { ...container, started: container.started ?? started, exited };
    this.#containers.set(id, ended);
    this.#adopted.delete(id);
    this.#waiters.ended(id);
  }

  /** A shim writes down its container's end before it ends itself; one that did not was killed, and its container with it. */
  async #shimGone(id: string): Promise<void> {
    await this.#readExit(id);
    const container = this.#containers.get(id);
    if (!container?.started || container.exited) return;
    const lost: Exited = {
      exitCode: killedExitCode,
      finishedAt: nanosecondsNow(),
      reason: 'ContainerStatusUnknown',
      message: 'the container and the process that watched it ended together, without a word',
    };
    await this.#options.state.writeExit(id, lost);
    await this.#markExited(id, lost);
  }

  async #lookAtAdopted(): Promise<void> {
    for (const id of this.#adopted) {
      const started = this.#containers.get(id)?.started;
      if (started && (await isAlive({ pid: started.shimPid, startTime: started.shimStartTime }))) continue;
      await this.#shimGone(id);
    }
  }

  #report(what: string, error: unknown): void {
    this.#options.report(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
