import { join } from 'node:path';
import type { ContainerConfig, Mount } from '../cri/messages.ts';
import type { Image } from '../images/image.ts';
import { capabilityNumber, resolveCapabilities } from './capabilities.ts';
import type { Identity } from './identity.ts';
import { InvalidContainerError } from './invalid-container.ts';

/** What the shim runs; packages/lab/parts/shim/plan.go reads it. */
export interface ContainerPlan {
  readonly id: string;
  readonly namespaces: {
    readonly net: string;
    readonly uts: string;
    readonly ipc: string;
    readonly pid: string;
  };
  readonly root: {
    readonly lower: string;
    readonly upper: string;
    readonly work: string;
    readonly target: string;
    readonly readOnly: boolean;
    readonly userNamespace: boolean;
  };
  readonly mounts: readonly PlannedMount[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly process: {
    readonly argv: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly uid: number;
    readonly gid: number;
    readonly groups: readonly number[];
    readonly capabilities: readonly number[];
    readonly ambientCapabilities: readonly number[];
    readonly noNewPrivileges: boolean;
  };
  readonly logPath: string;
  readonly exitPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
}

export interface PlannedMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly recursiveReadOnly: boolean;
}

export interface PlanInput {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly image: Image;
  readonly identity: Identity;
  readonly hostname: string;
  readonly folder: string;
  readonly logPath: string;
  readonly exitPath: string;
  readonly namespaces: ContainerPlan['namespaces'];
  /** The pod's own /etc/resolv.conf and /etc/hostname on the machine. */
  readonly podFiles: { readonly resolver: string; readonly hostname: string };
  readonly rootfs: string;
  readonly userNamespace: boolean;
}

/** Everything that the shim needs to know of a container. @throws InvalidContainerError, UnknownCapabilityError */
export function containerPlan(input: PlanInput): ContainerPlan {
  const { config, image, identity, folder } = input;
  const context = config.linux?.securityContext ?? null;
  const ambient = context?.capabilities?.addAmbientCapabilities ?? [];
  return {
    id: input.id,
    namespaces: input.namespaces,
    root: {
      lower: input.rootfs,
      upper: join(folder, 'upper'),
      work: join(folder, 'work'),
      target: join(folder, 'root'),
      readOnly: context?.readonlyRootfs ?? false,
      userNamespace: input.userNamespace,
    },
    mounts: plannedMounts(image, config.mounts, input.podFiles),
    maskedPaths: context?.maskedPaths ?? [],
    readonlyPaths: context?.readonlyPaths ?? [],
    process: {
      argv: commandLine(config, image),
      env: environment(config, image, { home: identity.home, hostname: input.hostname }),
      cwd: config.workingDir || image.workingDir,
      uid: identity.uid,
      gid: identity.gid,
      groups: identity.groups,
      capabilities: resolveCapabilities(
        context?.capabilities?.addCapabilities ?? [],
        context?.capabilities?.dropCapabilities ?? [],
      ),
      ambientCapabilities: ambient.map(capabilityNumber),
      noNewPrivileges: context?.noNewPrivs ?? false,
    },
    logPath: input.logPath,
    exitPath: input.exitPath,
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
  };
}

/** A pod's command replaces the image's entrypoint and its command too; a pod's args replace the image's command. */
export function commandLine(
  config: Pick<ContainerConfig, 'command' | 'args'>,
  image: Image,
): readonly string[] {
  const command = config.command.length > 0 ? config.command : image.entrypoint;
  const imageArguments = config.command.length > 0 ? [] : image.command;
  const argv = [...command, ...(config.args.length > 0 ? config.args : imageArguments)];
  if (argv.length === 0) {
    throw new InvalidContainerError(
      `neither the pod nor the image ${image.name} says what to run: give the container a command`,
    );
  }
  return argv;
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment as `NAME=value`: the pod's beats the image's, which beats what every container has. */
export function environment(
  config: Pick<ContainerConfig, 'envs' | 'tty'>,
  image: Image,
  given: { readonly home: string; readonly hostname: string },
): readonly string[] {
  const merged = new Map<string, string>([
    ['PATH', defaultPath],
    ['HOSTNAME', given.hostname],
    ['HOME', given.home],
    ...(config.tty ? [['TERM', 'xterm'] as const] : []),
    ...Object.entries(image.env),
  ]);
  for (const { key, value } of config.envs) merged.set(key, Buffer.from(value).toString('utf8'));
  return [...merged].map(([name, value]) => `${name}=${value}`);
}

/**
 * The image's files first, then the pod's own, then what the pod mounts: later ones may lie on or
 * in earlier ones. The pod's mounts are placed from the shortest path to the longest, so that one
 * inside another is not hidden by it.
 */
export function plannedMounts(
  image: Image,
  mounts: readonly Mount[],
  podFiles: PlanInput['podFiles'],
): readonly PlannedMount[] {
  const readOnly = (target: string, source: string): PlannedMount => ({
    source,
    target,
    readOnly: true,
    recursiveReadOnly: false,
  });
  const mounted = new Set(mounts.map((mount) => mount.containerPath));
  const own: PlannedMount[] = [
    { ...readOnly('/etc/resolv.conf', podFiles.resolver), readOnly: false },
    { ...readOnly('/etc/hostname', podFiles.hostname), readOnly: false },
  ];
  const asked = mounts
    .map((mount) => ({
      source: mount.hostPath,
      target: mount.containerPath,
      readOnly: mount.readonly,
      recursiveReadOnly: mount.recursiveReadOnly,
    }))
    .sort((a, b) => depth(a.target) - depth(b.target));
  return [
    ...Object.entries(image.files)
      .map(([target, source]) => readOnly(target, source))
      .sort((a, b) => depth(a.target) - depth(b.target)),
    ...own.filter((mount) => !mounted.has(mount.target)),
    ...asked,
  ];
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}
