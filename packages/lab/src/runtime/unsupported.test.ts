import { describe, expect, it } from 'vitest';
import type { ContainerConfig, PodSandboxConfig } from './cri/messages.ts';
import { unsupportedInContainer, unsupportedInPod } from './unsupported.ts';

const namespaces = { network: 'POD', pid: 'CONTAINER', ipc: 'POD', targetId: '' } as const;
const context = { namespaceOptions: namespaces, privileged: false, seccomp: null, apparmor: null };
const pod: PodSandboxConfig = {
  metadata: null,
  hostname: 'web-1',
  logDirectory: '/logs',
  dnsConfig: null,
  portMappings: [{ protocol: 'TCP', containerPort: 8080, hostPort: 0, hostIp: '' }],
  labels: {},
  annotations: {},
  linux: { securityContext: context, sysctls: {} },
};

function podWith(options: Partial<Record<'network' | 'pid' | 'ipc', 'NODE' | 'POD'>>): PodSandboxConfig {
  return {
    ...pod,
    linux: { securityContext: { ...context, namespaceOptions: { ...namespaces, ...options } }, sysctls: {} },
  };
}

const container = {
  mounts: [],
  devices: [],
  linux: { resources: { memoryLimitInBytes: '1000' }, securityContext: null },
} as unknown as ContainerConfig;

const mount = {
  readonly: false,
  recursiveReadOnly: false,
  propagation: 'PROPAGATION_PRIVATE',
  image: null,
} as const;

describe('what the node refuses', () => {
  it('is nothing of an ordinary pod, with resource limits', () => {
    expect(unsupportedInPod(pod)).toEqual([]);
    expect(unsupportedInContainer(container, '/kubelet')).toEqual([]);
  });

  it("is the machine's processes and shared memory", () => {
    expect(unsupportedInPod(podWith({ pid: 'NODE', ipc: 'NODE' }))).toEqual([
      expect.stringMatching(/^hostPID/),
      expect.stringMatching(/^hostIPC/),
    ]);
  });

  it("is a published port, but not the ports of a pod on the machine's network", () => {
    const published = [{ protocol: 'TCP', containerPort: 80, hostPort: 80, hostIp: '' }];
    expect(unsupportedInPod({ ...pod, portMappings: published })).toEqual([
      expect.stringMatching(/^hostPort 80/),
    ]);
    expect(unsupportedInPod({ ...podWith({ network: 'NODE' }), portMappings: published })).toEqual([]);
  });

  it("is a file of the machine, but not the kubelet's volumes", () => {
    const mounts = [
      { ...mount, containerPath: '/a', hostPath: '/kubelet/pods/1/volumes/x' },
      { ...mount, containerPath: '/b', hostPath: '/kubelet-other/x' },
    ];
    expect(unsupportedInContainer({ ...container, mounts }, '/kubelet')).toEqual([
      expect.stringMatching(/^hostPath \/kubelet-other\/x on \/b/),
    ]);
  });

  it('is a privileged container and a profile that is not loaded', () => {
    const securityContext = {
      privileged: true,
      seccomp: { profileType: 'Localhost', localhostRef: 'strict.json' },
      apparmor: { profileType: 'RuntimeDefault', localhostRef: '' },
    };
    const problems = unsupportedInContainer(
      { ...container, linux: { resources: null, securityContext } } as unknown as ContainerConfig,
      '/kubelet',
    );
    expect(problems).toEqual([
      expect.stringMatching(/^privileged/),
      expect.stringMatching(/^seccomp profile strict\.json/),
    ]);
  });
});
