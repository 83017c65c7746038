import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ContainerConfig, PodSandboxConfig } from '../cri/messages.ts';
import type { Image } from '../images/image.ts';
import type { Shim } from '../shim.ts';
import { StateFolder } from '../state-folder.ts';
import { containerState } from './container.ts';
import { Containers } from './containers.ts';
import type { PodOfContainer } from './prepare-container.ts';

let folder: string;
let containers: Containers;
/** How a program that is started goes on. */
let program: () => Promise<'runs on' | 'has ended'>;
const ends: Promise<void>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containers-'));
  await mkdir(join(folder, 'rootfs/etc'), { recursive: true });
  await writeFile(join(folder, 'rootfs/etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(folder, 'rootfs/etc/group'), 'root:x:0:\n');
  const state = new StateFolder(join(folder, 'state'));
  await state.prepare();
  const started = { pid: 7, pidStartTime: '1', shimPid: 6, shimStartTime: '1', startedAt: '1' };
  program = async () => 'runs on';
  const shim: Pick<Shim, 'run'> = {
    run: async (path, onShimGone) => {
      const id = basename(path);
      const end = async () => {
        if ((await program()) === 'runs on') return;
        await state.writeExit(id, { exitCode: 0, finishedAt: '2' });
        onShimGone();
        await vi.waitFor(() => expect(containerState(containers.get(id))).toBe('CONTAINER_EXITED'));
      };
      ends.push(end());
      return started;
    },
  };
  containers = new Containers({
    state,
    shim: shim as Shim,
    rootfs: join(folder, 'rootfs'),
    volumesFolder: join(folder, 'volumes'),
    userNamespace: false,
    report: (problem) => {
      throw new Error(problem);
    },
  });
});
afterEach(async () => {
  await Promise.all(ends.splice(0));
  await rm(folder, { recursive: true, force: true });
});

const image: Image = {
  id: 'sha256:1',
  name: 'example.com/web',
  entrypoint: ['/bin/web'],
  command: [],
  env: {},
  workingDir: '/',
  user: '',
  files: {},
};

function create(name: string, attempt: number): Promise<string> {
  const podOf = {
    pod: { id: 'pod-1' },
    namespaces: { net: '/ns/net', uts: '/ns/uts', ipc: '/ns/ipc' },
    hostname: 'web-1',
    files: { resolver: '/pods/1/resolv.conf', hostname: '/pods/1/hostname' },
  } as unknown as PodOfContainer;
  const config: ContainerConfig = {
    metadata: { name, attempt },
    image: { image: 'sha256:1' },
    command: [],
    args: [],
    workingDir: '',
    envs: [],
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: `${name}/${attempt}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: null,
    stopSignal: 'RUNTIME_DEFAULT',
  };
  const sandbox = { logDirectory: join(folder, 'logs') } as unknown as PodSandboxConfig;
  return containers.create(podOf, config, sandbox, image);
}

test('a container is not created a second time while it runs', async () => {
  const id = await create('web', 0);
  await containers.start(id);
  await expect(create('web', 1)).rejects.toThrow(`container web of this pod already runs, as ${id}`);
  await create('sidecar', 0);
});

test('a container that was never started may be created anew', async () => {
  await create('web', 0);
  await create('web', 1);
  expect(containers.ofPod('pod-1')).toHaveLength(2);
});

test('a step of a pod that takes moments is over when its start has answered', async () => {
  program = () => delay(50, 'has ended');
  const id = await create('istio-init', 0);
  await containers.start(id);
  expect(containerState(containers.get(id))).toBe('CONTAINER_EXITED');
});

test('a start does not wait for the end of what goes on for long, nor of what runs beside something else', async () => {
  const sidecar = await create('istio-proxy', 0);
  await containers.start(sidecar);
  expect(containerState(containers.get(sidecar))).toBe('CONTAINER_RUNNING');
  program = () => delay(50, 'has ended');
  const web = await create('web', 0);
  await containers.start(web);
  expect(containerState(containers.get(web))).toBe('CONTAINER_RUNNING');
});
