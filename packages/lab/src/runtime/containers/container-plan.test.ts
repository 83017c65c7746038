import { describe, expect, it } from 'vitest';
import type { ContainerConfig, Mount } from '../cri/messages.ts';
import type { Image } from '../images/image.ts';
import { commandLine, containerPlan, environment, plannedMounts } from './container-plan.ts';
import { InvalidContainerError } from './invalid-container.ts';

const image: Image = {
  id: 'sha256:1',
  name: 'meshlift.dev/shop',
  entrypoint: ['/usr/local/bin/node'],
  command: ['/app/main.mjs'],
  env: { MODE: 'image', KEPT: 'yes' },
  workingDir: '/app',
  user: '',
  files: { '/usr/local/bin/node': '/opt/node', '/app': '/src/dist' },
};

const config: ContainerConfig = {
  metadata: { name: 'web', attempt: 0 },
  image: { image: 'sha256:1' },
  command: [],
  args: [],
  workingDir: '',
  envs: [],
  mounts: [],
  devices: [],
  labels: {},
  annotations: {},
  logPath: 'web/0.log',
  stdin: false,
  stdinOnce: false,
  tty: false,
  linux: null,
  stopSignal: 'RUNTIME_DEFAULT',
};

function mount(containerPath: string, hostPath: string, readonly = false): Mount {
  return {
    containerPath,
    hostPath,
    readonly,
    recursiveReadOnly: false,
    propagation: 'PROPAGATION_PRIVATE',
    image: null,
  };
}

const podFiles = { resolver: '/pods/1/resolv.conf', hostname: '/pods/1/hostname' };

describe("a container's command line", () => {
  it("is the image's when the pod says nothing", () => {
    expect(commandLine(config, image)).toEqual(['/usr/local/bin/node', '/app/main.mjs']);
  });

  it("keeps the image's entrypoint under the pod's args", () => {
    expect(commandLine({ command: [], args: ['--version'] }, image)).toEqual([
      '/usr/local/bin/node',
      '--version',
    ]);
  });

  it("drops the image's command under the pod's command", () => {
    expect(commandLine({ command: ['sh'], args: [] }, image)).toEqual(['sh']);
    expect(commandLine({ command: ['sh'], args: ['-c', 'id'] }, image)).toEqual(['sh', '-c', 'id']);
  });

  it('has to come from somewhere', () => {
    expect(() => commandLine(config, { ...image, entrypoint: [], command: [] })).toThrow(
      InvalidContainerError,
    );
  });
});

describe("a container's environment", () => {
  it("takes the pod's values before the image's, once each", () => {
    const envs = [{ key: 'MODE', value: Buffer.from('pod') }];
    const made = environment({ envs, tty: false }, image, { home: '/root', hostname: 'web-1' });
    expect(made).toContain('MODE=pod');
    expect(made).toContain('KEPT=yes');
    expect(made).toContain('HOSTNAME=web-1');
    expect(made.filter((entry) => entry.startsWith('MODE='))).toHaveLength(1);
  });

  it('has a terminal type only with a terminal', () => {
    const given = { home: '/', hostname: 'h' };
    expect(environment({ envs: [], tty: true }, image, given)).toContain('TERM=xterm');
    expect(environment({ envs: [], tty: false }, image, given)).not.toContain('TERM=xterm');
  });
});

describe("a container's mounts", () => {
  it('come after what they lie on or in', () => {
    const made = plannedMounts(
      image,
      [mount('/app/data/cache', '/v/c'), mount('/app/data', '/v/d')],
      podFiles,
    );
    expect(made.map((each) => each.target)).toEqual([
      '/app',
      '/usr/local/bin/node',
      '/etc/resolv.conf',
      '/etc/hostname',
      '/app/data',
      '/app/data/cache',
    ]);
  });

  it("show the image's files read-only and the pod's as asked", () => {
    const made = plannedMounts(image, [mount('/data', '/v/d'), mount('/conf', '/v/c', true)], podFiles);
    expect(Object.fromEntries(made.map((each) => [each.target, each.readOnly]))).toMatchObject({
      '/app': true,
      '/data': false,
      '/conf': true,
    });
  });

  it("leave the pod's own resolv.conf alone", () => {
    const made = plannedMounts(image, [mount('/etc/resolv.conf', '/v/resolv')], podFiles);
    expect(made.filter((each) => each.target === '/etc/resolv.conf').map((each) => each.source)).toEqual([
      '/v/resolv',
    ]);
  });
});

it('a plan carries what the security context asks for', () => {
  const plan = containerPlan({
    id: 'c1',
    config: {
      ...config,
      linux: {
        resources: null,
        securityContext: {
          capabilities: {
            addCapabilities: ['NET_ADMIN'],
            dropCapabilities: ['ALL'],
            addAmbientCapabilities: [],
          },
          privileged: false,
          namespaceOptions: null,
          runAsUser: null,
          runAsGroup: null,
          runAsUsername: '',
          readonlyRootfs: true,
          supplementalGroups: [],
          supplementalGroupsPolicy: 'Merge',
          noNewPrivs: true,
          maskedPaths: ['/proc/kcore'],
          readonlyPaths: ['/proc/sys'],
          seccomp: null,
          apparmor: null,
        },
      },
    },
    image,
    identity: { uid: 1337, gid: 1337, groups: [1337], home: '/' },
    hostname: 'web-1',
    folder: '/state/containers/c1',
    logPath: '/logs/web/0.log',
    exitPath: '/state/exits/c1',
    namespaces: { net: '/state/pods/p1/ns/net', uts: '', ipc: '', pid: '' },
    podFiles,
    rootfs: '/cache/root',
    userNamespace: true,
  });
  expect(plan.root).toMatchObject({
    lower: '/cache/root',
    upper: '/state/containers/c1/upper',
    readOnly: true,
    userNamespace: true,
  });
  expect(plan.process).toMatchObject({ uid: 1337, cwd: '/app', capabilities: [12], noNewPrivileges: true });
  expect(plan).toMatchObject({ maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] });
});
