import { mkdir, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nanosecondsNow } from '../clock.ts';
import type { Containers } from '../containers/containers.ts';
import type { PodOfContainer } from '../containers/prepare-container.ts';
import type { PodSandboxConfig } from '../cri/messages.ts';
import { CallError } from '../cri/protocol.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import type { Shim } from '../shim.ts';
import { newIdentifier, type StateFolder } from '../state-folder.ts';
import { refusal, unsupportedInPod } from '../unsupported.ts';
import type { AddressPool } from './address-pool.ts';
import { type PodRecord, usesMachineNetwork } from './pod.ts';
import { resolverFile } from './resolver-file.ts';
import { hostnameOf, type MachineNetwork, type SandboxPlan, sandboxPlan } from './sandbox-plan.ts';

/** The type of the file system that namespaces' files are of (linux/magic.h). */
const NSFS_MAGIC = 0x6e736673;

export interface PodsOptions {
  readonly state: StateFolder;
  readonly shim: Shim;
  readonly containers: Containers;
  /** Makes the pool of the pod range's addresses, of which these are taken. */
  readonly addressPool: (taken: readonly string[]) => AddressPool;
  readonly machine: Omit<MachineNetwork, 'gateway'>;
}

/** The pods of this node: namespaces and addresses. */
export class Pods {
  readonly #options: PodsOptions;
  readonly #pods = new Map<string, PodRecord>();
  readonly #queue = new KeyedQueue();
  #addresses: AddressPool;

  constructor(options: PodsOptions) {
    this.#options = options;
    this.#addresses = options.addressPool([]);
  }

  get #machine(): MachineNetwork {
    return { ...this.#options.machine, gateway: this.#addresses.gateway };
  }

  /** Takes over the pods on record. One whose namespaces are gone (the machine was restarted) is a stopped one. */
  async recover(): Promise<void> {
    const pods = await this.#options.state.readPods();
    const taken = pods.filter((pod) => !pod.stopped).flatMap((pod) => pod.address ?? []);
    this.#addresses = this.#options.addressPool(taken);
    for (const pod of pods) this.#pods.set(pod.id, pod);
    for (const pod of pods) {
      if (!pod.stopped && !(await this.#hasNamespaces(pod))) await this.stop(pod.id);
    }
  }

  async #hasNamespaces(pod: PodRecord): Promise<boolean> {
    const folder = join(this.#options.state.pod(pod.id), 'ns');
    try {
      const names = await readdir(folder);
      const types = await Promise.all(names.map(async (name) => (await statfs(join(folder, name))).type));
      return types.length > 0 && types.every((type) => type === NSFS_MAGIC);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  all(): readonly PodRecord[] {
    return [...this.#pods.values()];
  }

  find(id: string): PodRecord | undefined {
    return this.#pods.get(id);
  }

  /** @throws CallError NOT_FOUND */
  get(id: string): PodRecord {
    const pod = this.find(id);
    if (!pod) throw CallError.notFound('pod sandbox', id);
    return pod;
  }

  /** @throws CallError NOT_FOUND, or when the pod is stopped */
  running(id: string): PodOfContainer {
    const pod = this.get(id);
    if (pod.stopped) throw CallError.unsupported(`pod sandbox ${id} is stopped`);
    const plan = sandboxPlan(pod, this.#options.state.pod(id), this.#machine);
    return { pod, namespaces: plan.namespaces, hostname: plan.hostname, files: this.#files(id) };
  }

  #files(id: string): PodOfContainer['files'] {
    const folder = this.#options.state.pod(id);
    return { resolver: join(folder, 'resolv.conf'), hostname: join(folder, 'hostname') };
  }

  /** Makes a pod's namespaces and connects it. @throws CallError when the pod asks for what this node cannot give */
  async run(config: PodSandboxConfig, runtimeHandler: string): Promise<string> {
    const problems = unsupportedInPod(config);
    if (problems.length > 0) throw CallError.unsupported(refusal(problems));
    if (runtimeHandler !== '')
      throw CallError.unsupported(`runtime class "${runtimeHandler}" is not known: leave it out`);
    const { state, shim } = this.#options;
    const pod: PodRecord = {
      id: newIdentifier(),
      config,
      runtimeHandler,
      createdAt: nanosecondsNow(),
      address: usesMachineNetwork(config) ? null : this.#addresses.take(),
      stopped: false,
    };
    await state.writePod(pod);
    const plan = sandboxPlan(pod, state.pod(pod.id), this.#machine);
    try {
      await mkdir(join(state.pod(pod.id), 'ns'), { mode: 0o700 });
      // Bound into containers that run as any user.
      await writeFile(this.#files(pod.id).resolver, resolverFile(config.dnsConfig), { mode: 0o644 });
      await writeFile(this.#files(pod.id).hostname, `${hostnameOf(pod, this.#machine)}\n`, { mode: 0o644 });
      await shim.createSandbox(plan);
    } catch (error) {
      await this.#abandon(pod, plan, error);
    }
    this.#pods.set(pod.id, pod);
    return pod.id;
  }

  /** Takes back what was made of a pod that failed. @throws the error given, with what went wrong on the way back */
  async #abandon(pod: PodRecord, plan: SandboxPlan, error: unknown): Promise<never> {
    try {
      await this.#options.shim.deleteSandbox(plan);
    } catch (second) {
      // Its record stays: the address and the namespaces are still taken.
      this.#pods.set(pod.id, pod);
      throw new AggregateError(
        [error, second],
        `${messageOf(error)}; nor could it be undone: ${messageOf(second)}`,
      );
    }
    if (pod.address !== null) this.#addresses.release(pod.address);
    await this.#options.state.removePod(pod.id);
    throw error;
  }

  /** Kills what runs in the pod and gives its namespaces and address back. A stopped or unknown pod is no error. */
  stop(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      const pod = this.#pods.get(id);
      if (!pod || pod.stopped) return;
      const { state, shim, containers } = this.#options;
      await Promise.all(containers.ofPod(id).map((container) => containers.stop(container.record.id, 0)));
      await shim.deleteSandbox(sandboxPlan(pod, state.pod(id), this.#machine));
      const stopped = { ...pod, stopped: true };
      await state.writePod(stopped);
      this.#pods.set(id, stopped);
      if (pod.address !== null) this.#addresses.release(pod.address);
    });
  }

  /** Removes a pod with its containers. An unknown pod is no error. */
  async remove(id: string): Promise<void> {
    await this.stop(id);
    const pod = this.#pods.get(id);
    if (!pod) return;
    const { state, containers } = this.#options;
    await Promise.all(containers.ofPod(id).map((container) => containers.remove(container.record.id)));
    await state.removePod(id);
    this.#pods.delete(id);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
