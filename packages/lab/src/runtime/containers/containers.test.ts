import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerConfig, PodSandboxConfig } from '../cri/messages.ts';
import type { Image } from '../images/image.ts';
import type { Shim } from '../shim.ts';
import { StateFolder } from '../state-folder.ts';
import { Containers } from './containers.ts';
import type { PodOfContainer } from './prepare-container.ts';

let folder: string;
let containers: Containers;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containers-'));
  await mkdir(join(folder, 'rootfs/etc'), { recursive: true });
  await writeFile(join(folder, 'rootfs/etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(folder, 'rootfs/etc/group'), 'root:x:0:\n');
  const state = new StateFolder(join(folder, 'state'));
  await state.prepare();
  const started = { pid: 7, pidStartTime: '1', shimPid: 6, shimStartTime: '1', startedAt: '1' };
  containers = new Containers({
    state,
    shim: { run: async () => started } as unknown as Shim,
    rootfs: join(folder, 'rootfs'),
    volumesFolder: join(folder, 'volumes'),
    userNamespace: false,
    report: (problem) => {
      throw new Error(problem);
    },
    onEvent: () => undefined,
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

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
