import type { ContainerConfig, ContainerState, ContainerStatus } from '../cri/messages.ts';

/** A container on this node, as it is kept on disk. */
export interface ContainerRecord {
  readonly id: string;
  readonly podId: string;
  /** With the environment's values left out: they may be secrets, and the plan has them. */
  readonly config: ContainerConfig;
  readonly imageId: string;
  /** As the pod spec has it. */
  readonly imageName: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Absolute path of the log. */
  readonly logPath: string;
  /** Nanoseconds since 1970. */
  readonly createdAt: string;
}

/** The container's process and the shim that stays with it; packages/lab/parts/shim/plan.go writes it. */
export interface Started {
  readonly pid: number;
  readonly pidStartTime: string;
  readonly shimPid: number;
  readonly shimStartTime: string;
  readonly startedAt: string;
}

/** How the container's process ended. */
export interface Exited {
  readonly exitCode: number;
  readonly finishedAt: string;
  /** Set where the end was not an ordinary one. */
  readonly reason?: string;
  readonly message?: string;
}

/** A container and what has become of it. */
export interface Container {
  readonly record: ContainerRecord;
  readonly started: Started | null;
  readonly exited: Exited | null;
}

export function containerState({ started, exited }: Pick<Container, 'started' | 'exited'>): ContainerState {
  if (exited) return 'CONTAINER_EXITED';
  return started ? 'CONTAINER_RUNNING' : 'CONTAINER_CREATED';
}

export function containerStatus(container: Container): ContainerStatus {
  const { record, started, exited } = container;
  const { config } = record;
  return {
    id: record.id,
    metadata: config.metadata,
    state: containerState(container),
    createdAt: record.createdAt,
    startedAt: started?.startedAt ?? '0',
    finishedAt: exited?.finishedAt ?? '0',
    exitCode: exited?.exitCode ?? 0,
    image: { image: record.imageName },
    imageRef: record.imageId,
    imageId: record.imageId,
    reason: exited ? (exited.reason ?? (exited.exitCode === 0 ? 'Completed' : 'Error')) : '',
    message: exited?.message ?? '',
    labels: config.labels,
    annotations: config.annotations,
    mounts: config.mounts,
    logPath: record.logPath,
    resources: { linux: config.linux?.resources ?? null },
    user: {
      linux: {
        uid: String(record.user.uid),
        gid: String(record.user.gid),
        supplementalGroups: record.user.groups.map(String),
      },
    },
    stopSignal: config.stopSignal,
  };
}
