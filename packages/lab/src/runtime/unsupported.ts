import type { ContainerConfig, PodSandboxConfig, SecurityProfile } from './cri/messages.ts';
import { usesMachineNetwork } from './pods/pod.ts';

/**
 * What a pod asks for that this node cannot give, one sentence each; empty means that the pod can run.
 * Refused is only what would mislead if it were ignored. Resource requests and limits, RuntimeDefault
 * seccomp and AppArmor profiles and SELinux labels are accepted and have no effect, which is documented.
 */
export function unsupportedInPod(config: PodSandboxConfig): readonly string[] {
  const context = config.linux?.securityContext;
  const problems: string[] = [];
  if (context?.namespaceOptions?.pid === 'NODE')
    problems.push('hostPID: a pod cannot see the processes of the machine');
  if (context?.namespaceOptions?.pid === 'POD') {
    problems.push('shareProcessNamespace: each container has processes of its own');
  }
  if (context?.namespaceOptions?.ipc === 'NODE')
    problems.push('hostIPC: a pod cannot use the shared memory of the machine');
  if (context?.namespaceOptions?.usernsOptions?.mode === 'POD') {
    problems.push('hostUsers: false: a pod has no user namespace of its own');
  }
  const published = usesMachineNetwork(config)
    ? []
    : config.portMappings.filter((mapping) => mapping.hostPort > 0);
  for (const { hostPort } of published) {
    problems.push(
      `hostPort ${hostPort}: ports are not published on the machine; use a Service, or hostNetwork`,
    );
  }
  return [
    ...problems,
    ...localProfile('seccomp', context?.seccomp),
    ...localProfile('AppArmor', context?.apparmor),
  ];
}

/**
 * What a container asks for that this node cannot give; see {@link unsupportedInPod}.
 *
 * @param volumesFolder where the kubelet keeps its volumes: a mount from elsewhere is a hostPath
 */
export function unsupportedInContainer(config: ContainerConfig, volumesFolder: string): readonly string[] {
  const context = config.linux?.securityContext;
  const problems: string[] = [];
  if (context?.privileged === true) {
    problems.push(
      'privileged: a container has no power over the machine; ask for the capabilities that it needs',
    );
  }
  for (const mount of config.mounts) {
    if (mount.image)
      problems.push(`image volume on ${mount.containerPath}: images are not file systems here`);
    else if (!isBelow(mount.hostPath, volumesFolder)) {
      problems.push(
        `hostPath ${mount.hostPath} on ${mount.containerPath}: pods see no files of the machine; use an emptyDir`,
      );
    }
    if (mount.propagation === 'PROPAGATION_BIDIRECTIONAL') {
      problems.push(
        `mountPropagation Bidirectional on ${mount.containerPath}: a container's mounts stay its own`,
      );
    }
  }
  for (const device of config.devices) problems.push(`device ${device.hostPath}: pods have no devices`);
  for (const device of config.CDIDevices ?? []) problems.push(`device ${device.name}: pods have no devices`);
  return [
    ...problems,
    ...localProfile('seccomp', context?.seccomp),
    ...localProfile('AppArmor', context?.apparmor),
  ];
}

/** The one message that the pod's event shows. */
export function refusal(problems: readonly string[]): string {
  return `the lab's node cannot run this as asked: ${problems.join('; ')}`;
}

function localProfile(kind: string, profile: SecurityProfile | null | undefined): readonly string[] {
  return profile?.profileType === 'Localhost'
    ? [`${kind} profile ${profile.localhostRef}: no profiles are loaded here`]
    : [];
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
