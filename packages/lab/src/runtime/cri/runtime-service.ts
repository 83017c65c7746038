import { type Container, containerState, containerStatus } from '../containers/container.ts';
import type { Containers } from '../containers/containers.ts';
import type { CatalogueFiles } from '../images/catalogue-files.ts';
import { type PodRecord, podStatus } from '../pods/pod.ts';
import type { Pods } from '../pods/pods.ts';
import type { Streaming } from '../streaming.ts';
import type { ContainerConfig, Int64, PodSandboxConfig } from './messages.ts';
import { CallError, type Handlers } from './protocol.ts';

export interface RuntimeServiceOptions {
  readonly pods: Pods;
  readonly containers: Containers;
  readonly catalogue: CatalogueFiles;
  readonly streaming: Streaming;
  readonly version: string;
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

interface PodFilter {
  readonly id: string;
  readonly state: { readonly state: string } | null;
  readonly labelSelector: Readonly<Record<string, string>>;
}

interface ContainerFilter extends PodFilter {
  readonly podSandboxId: string;
}

const runtimeName = 'meshlift';
const millisecondsPerSecond = 1000;

/** The calls of `runtime.v1.RuntimeService` that the kubelet makes. */
export function runtimeService(options: RuntimeServiceOptions): Handlers {
  return {
    ...nodeCalls(options),
    ...podCalls(options),
    ...containerCalls(options),
    ...streamCalls(options),
  };
}

function nodeCalls({ version }: RuntimeServiceOptions): Handlers {
  return {
    Version: () => ({ version: '0.1.0', runtimeName, runtimeVersion: version, runtimeApiVersion: 'v1' }),
    // The runtime does not serve before the pods' bridge is there.
    Status: () => ({
      status: {
        conditions: [
          { type: 'RuntimeReady', status: true, reason: '', message: '' },
          { type: 'NetworkReady', status: true, reason: '', message: '' },
        ],
      },
      runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: true, userNamespaces: false } }],
      features: { supplementalGroupsPolicy: true },
    }),
    // No cgroups are used; the kubelet only wants to know whom it would ask for them.
    RuntimeConfig: () => ({ linux: { cgroupDriver: 'CGROUPFS' } }),
    // The pod range is known from the start, and never changes.
    UpdateRuntimeConfig: () => ({}),
  };
}

function podCalls({ pods }: RuntimeServiceOptions): Handlers {
  return {
    RunPodSandbox: async ({
      config,
      runtimeHandler,
    }: {
      config: PodSandboxConfig | null;
      runtimeHandler: string;
    }) => {
      if (!config) throw CallError.unsupported('RunPodSandbox without a configuration');
      return { podSandboxId: await pods.run(config, runtimeHandler) };
    },
    StopPodSandbox: async ({ podSandboxId }: { podSandboxId: string }) => {
      await pods.stop(podSandboxId);
      return {};
    },
    RemovePodSandbox: async ({ podSandboxId }: { podSandboxId: string }) => {
      await pods.remove(podSandboxId);
      return {};
    },
    PodSandboxStatus: ({ podSandboxId }: { podSandboxId: string }) => ({
      status: podStatus(pods.get(podSandboxId)),
      info: {},
    }),
    ListPodSandbox: ({ filter }: { filter: PodFilter | null }) => ({
      items: pods
        .all()
        .map(podSummary)
        .filter((pod) => matches(filter, pod)),
    }),
    // Resources are accepted and not enforced.
    UpdatePodSandboxResources: () => ({}),
  };
}

function containerCalls({ pods, containers, catalogue }: RuntimeServiceOptions): Handlers {
  return {
    CreateContainer: async (request: {
      podSandboxId: string;
      config: ContainerConfig | null;
      sandboxConfig: PodSandboxConfig | null;
    }) => {
      const { config, sandboxConfig } = request;
      if (!config?.image || !sandboxConfig)
        throw CallError.unsupported('CreateContainer without a configuration');
      const images = await catalogue.current();
      const image = images.find(config.image.image);
      if (!image)
        throw CallError.unsupported(
          images.explainMissing(config.image.userSpecifiedImage || config.image.image),
        );
      return {
        containerId: await containers.create(
          pods.running(request.podSandboxId),
          config,
          sandboxConfig,
          image,
        ),
      };
    },
    StartContainer: async ({ containerId }: { containerId: string }) => {
      await containers.start(containerId);
      return {};
    },
    StopContainer: async ({ containerId, timeout }: { containerId: string; timeout: Int64 }) => {
      await containers.stop(containerId, Number(timeout) * millisecondsPerSecond);
      return {};
    },
    RemoveContainer: async ({ containerId }: { containerId: string }) => {
      await containers.remove(containerId);
      return {};
    },
    ContainerStatus: ({ containerId }: { containerId: string }) => ({
      status: containerStatus(containers.get(containerId)),
      info: {},
    }),
    ListContainers: ({ filter }: { filter: ContainerFilter | null }) => ({
      containers: containers
        .all()
        .map(containerSummary)
        .filter(
          (each) =>
            matches(filter, each) && (!filter?.podSandboxId || filter.podSandboxId === each.podSandboxId),
        ),
    }),
    UpdateContainerResources: () => ({}),
    ReopenContainerLog: async ({ containerId }: { containerId: string }) => {
      await containers.reopenLog(containerId);
      return {};
    },
    ExecSync: async ({
      containerId,
      cmd,
      timeout,
    }: {
      containerId: string;
      cmd: string[];
      timeout: Int64;
    }) => {
      const limit = Number(timeout) > 0 ? Number(timeout) * millisecondsPerSecond : undefined;
      const result = await containers.exec(containerId, cmd, limit);
      if (result.timedOut)
        throw CallError.deadlineExceeded(`command ${JSON.stringify(cmd)} timed out after ${timeout} s`);
      return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode };
    },
  };
}

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

function streamCalls({ pods, containers, streaming }: RuntimeServiceOptions): Handlers {
  return {
    Exec: async ({ containerId, cmd, ...streams }: { containerId: string; cmd: string[] } & Streams) => {
      containers.get(containerId);
      return { url: await streaming.url({ kind: 'exec', containerId, command: cmd, ...streams }) };
    },
    Attach: async ({ containerId, ...streams }: { containerId: string } & Streams) => {
      containers.get(containerId);
      return { url: await streaming.url({ kind: 'attach', containerId, ...streams }) };
    },
    PortForward: async ({ podSandboxId, port }: { podSandboxId: string; port: number[] }) => {
      const { pod } = pods.running(podSandboxId);
      return { url: await streaming.url({ kind: 'portForward', podId: pod.id, ports: port }) };
    },
  };
}

function podSummary(pod: PodRecord) {
  const { id, metadata, state, createdAt, labels, annotations, runtimeHandler } = podStatus(pod);
  return { id, metadata, state, createdAt, labels, annotations, runtimeHandler };
}

function containerSummary(container: Container) {
  const { record } = container;
  const { metadata, labels, annotations } = record.config;
  return {
    id: record.id,
    podSandboxId: record.podId,
    metadata,
    image: { image: record.imageName },
    imageRef: record.imageId,
    imageId: record.imageId,
    state: containerState(container),
    createdAt: record.createdAt,
    labels,
    annotations,
  };
}

function matches(
  filter: PodFilter | null,
  candidate: Labelled & { readonly id: string; readonly state: string },
): boolean {
  if (!filter) return true;
  if (filter.id !== '' && filter.id !== candidate.id) return false;
  if (filter.state && filter.state.state !== candidate.state) return false;
  return Object.entries(filter.labelSelector).every(([name, value]) => candidate.labels[name] === value);
}
