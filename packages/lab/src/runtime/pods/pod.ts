import type { PodSandboxConfig, PodSandboxStatus } from '../cri/messages.ts';

/** A pod on this node, as it is kept on disk: the kubelet calls it a sandbox. */
export interface PodRecord {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  /** Nanoseconds since 1970. */
  readonly createdAt: string;
  /** The pod's own address; null where it uses the machine's network. */
  readonly address: string | null;
  /** Once a pod is stopped, its namespaces and its address are gone; only the record is left. */
  readonly stopped: boolean;
}

export function usesMachineNetwork(config: PodSandboxConfig): boolean {
  return config.linux?.securityContext?.namespaceOptions?.network === 'NODE';
}

export function podStatus(pod: PodRecord): PodSandboxStatus {
  return {
    id: pod.id,
    metadata: pod.config.metadata,
    state: pod.stopped ? 'SANDBOX_NOTREADY' : 'SANDBOX_READY',
    createdAt: pod.createdAt,
    // Of a pod on the machine's network the kubelet knows the address itself.
    network: { ip: pod.stopped ? '' : (pod.address ?? ''), additionalIps: [] },
    linux: { namespaces: { options: pod.config.linux?.securityContext?.namespaceOptions ?? null } },
    labels: pod.config.labels,
    annotations: pod.config.annotations,
    runtimeHandler: pod.runtimeHandler,
  };
}
