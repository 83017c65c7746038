import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, ContainerRecord, Exited, Started } from './containers/container.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { PodRecord } from './pods/pod.ts';

const podFile = 'pod.json';
const containerFile = 'container.json';
/** The names that packages/lab/parts/shim/plan.go gives them. */
const planFile = 'plan.json';
const startedFile = 'started.json';

/**
 * What the runtime keeps on disk, so that it can be restarted while containers run:
 *
 * ```
 * pods/ID/pod.json  resolv.conf  hostname  ns/{net,uts,ipc}
 * containers/ID/container.json  plan.json  started.json  shim.log  attach.sock  upper/  work/  root/
 * exits/ID
 * ```
 */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get exits(): string {
    return join(this.path, 'exits');
  }

  pod(id: string): string {
    return join(this.path, 'pods', id);
  }

  container(id: string): string {
    return join(this.path, 'containers', id);
  }

  exit(id: string): string {
    return join(this.exits, id);
  }

  async prepare(): Promise<void> {
    for (const folder of ['pods', 'containers', 'exits']) {
      await mkdir(join(this.path, folder), { recursive: true, mode: 0o700 });
    }
  }

  async writePod(pod: PodRecord): Promise<void> {
    await mkdir(this.pod(pod.id), { recursive: true, mode: 0o700 });
    await writeJsonFile(join(this.pod(pod.id), podFile), pod);
  }

  async writeContainer(record: ContainerRecord, plan: unknown): Promise<void> {
    const folder = this.container(record.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // The upper folder becomes the container's `/`, which everybody in it may enter.
    await mkdir(join(folder, 'upper'), { mode: 0o755 });
    for (const name of ['work', 'root']) await mkdir(join(folder, name), { mode: 0o700 });
    await writeJsonFile(join(folder, planFile), plan);
    // Last: a folder without a record is one whose making was interrupted.
    await writeJsonFile(join(folder, containerFile), record);
  }

  /** What the shim wrote down when the container's process ran; null before. */
  readStarted(id: string): Promise<Started | null> {
    return readJsonFile<Started>(join(this.container(id), startedFile));
  }

  readExit(id: string): Promise<Exited | null> {
    return readJsonFile<Exited>(this.exit(id));
  }

  writeExit(id: string, exited: Exited): Promise<void> {
    return writeJsonFile(this.exit(id), exited);
  }

  /** Every pod on record. Folders whose making was interrupted are removed. */
  async readPods(): Promise<readonly PodRecord[]> {
    return this.#readAll('pods', (folder) => readJsonFile<PodRecord>(join(folder, podFile)));
  }

  /** Every container on record, with what has become of it. */
  async readContainers(): Promise<readonly Container[]> {
    return this.#readAll('containers', async (folder) => {
      const record = await readJsonFile<ContainerRecord>(join(folder, containerFile));
      if (record === null) return null;
      return {
        record,
        started: await this.readStarted(record.id),
        exited: await this.readExit(record.id),
      };
    });
  }

  async #readAll<T>(
    kind: 'pods' | 'containers',
    read: (folder: string) => Promise<T | null>,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    for (const name of await readdir(join(this.path, kind))) {
      const folder = join(this.path, kind, name);
      const record = await read(folder);
      if (record === null) await rm(folder, { recursive: true, force: true });
      else found.push(record);
    }
    return found;
  }

  async removePod(id: string): Promise<void> {
    await rm(this.pod(id), { recursive: true, force: true });
  }

  async removeContainer(id: string): Promise<void> {
    await rm(this.container(id), { recursive: true, force: true });
    await rm(this.exit(id), { force: true });
  }
}

/** A new pod's or container's identifier. */
export function newIdentifier(): string {
  return randomBytes(16).toString('hex');
}
