import { join, normalize } from 'node:path';
import type { ContainerConfig, PodSandboxConfig } from '../cri/messages.ts';
import type { Image } from '../images/image.ts';
import type { PodRecord } from '../pods/pod.ts';
import type { ContainerRecord } from './container.ts';
import { type ContainerPlan, containerPlan } from './container-plan.ts';
import { resolveIdentity, type UserDatabases } from './identity.ts';

/** What a container needs to know of its pod. */
export interface PodOfContainer {
  readonly pod: PodRecord;
  readonly namespaces: { readonly net: string; readonly uts: string; readonly ipc: string };
  readonly hostname: string;
  readonly files: { readonly resolver: string; readonly hostname: string };
}

export interface PrepareInput {
  readonly id: string;
  readonly createdAt: string;
  readonly config: ContainerConfig;
  readonly sandbox: PodSandboxConfig;
  readonly podOf: PodOfContainer;
  readonly image: Image;
  readonly databases: UserDatabases;
  /** The container's own folder, and where its end will be written down. */
  readonly folder: string;
  readonly exitPath: string;
  /** The process namespace that it joins; empty for one of its own. */
  readonly processes: string;
  readonly rootfs: string;
  readonly userNamespace: boolean;
}

/** A new container: what is kept on record, and what the shim is told. @throws InvalidContainerError */
export function prepareContainer(input: PrepareInput): {
  readonly record: ContainerRecord;
  readonly plan: ContainerPlan;
} {
  const { id, config, image, podOf } = input;
  const identity = resolveIdentity(config.linux?.securityContext ?? null, image.user, input.databases);
  const logPath = normalize(join(input.sandbox.logDirectory, config.logPath));
  const record = {
    id,
    podId: podOf.pod.id,
    config: { ...config, envs: [] },
    imageId: image.id,
    imageName: config.image?.userSpecifiedImage || config.image?.image || image.name,
    user: { uid: identity.uid, gid: identity.gid, groups: identity.groups },
    logPath,
    createdAt: input.createdAt,
  };
  const plan = containerPlan({
    id,
    config,
    image,
    identity,
    hostname: podOf.hostname,
    folder: input.folder,
    logPath,
    exitPath: input.exitPath,
    namespaces: { ...podOf.namespaces, pid: input.processes },
    podFiles: podOf.files,
    rootfs: input.rootfs,
    userNamespace: input.userNamespace,
  });
  return { record, plan };
}
