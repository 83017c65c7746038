/**
 * The messages of the container runtime interface (k8s.io/cri-api, runtime.v1) that the node uses,
 * as @grpc/proto-loader presents them: camelCase names, 64-bit numbers as decimal strings,
 * enumerations by name, absent messages null, absent lists and maps empty.
 */

/** A 64-bit number as a decimal string; times are nanoseconds since 1970. */
export type Int64 = string;

export interface Int64Value {
  readonly value: Int64;
}

export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';

export interface NamespaceOption {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly targetId: string;
  readonly usernsOptions?: { readonly mode: NamespaceMode } | null;
}

export interface SecurityProfile {
  readonly profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  readonly localhostRef: string;
}

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PortMapping {
  readonly protocol: string;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}

export interface LinuxSandboxSecurityContext {
  readonly namespaceOptions: NamespaceOption | null;
  readonly privileged: boolean;
  readonly seccomp: SecurityProfile | null;
  readonly apparmor: SecurityProfile | null;
}

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata | null;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly dnsConfig: DnsConfig | null;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly securityContext: LinuxSandboxSecurityContext | null;
    readonly sysctls: Readonly<Record<string, string>>;
  } | null;
}

export interface ImageSpec {
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What the pod spec says, where `image` is already an identifier. */
  readonly userSpecifiedImage?: string;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly recursiveReadOnly: boolean;
  readonly propagation: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
  readonly image: ImageSpec | null;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities: {
    readonly addCapabilities: readonly string[];
    readonly dropCapabilities: readonly string[];
    readonly addAmbientCapabilities: readonly string[];
  } | null;
  readonly privileged: boolean;
  readonly namespaceOptions: NamespaceOption | null;
  readonly runAsUser: Int64Value | null;
  readonly runAsGroup: Int64Value | null;
  readonly runAsUsername: string;
  readonly readonlyRootfs: boolean;
  readonly supplementalGroups: readonly Int64[];
  readonly supplementalGroupsPolicy: 'Merge' | 'Strict';
  readonly noNewPrivs: boolean;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp: SecurityProfile | null;
  readonly apparmor: SecurityProfile | null;
}

/** Accepted and reported back; the lab's node does not enforce resources. */
export type LinuxContainerResources = Readonly<Record<string, unknown>>;

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number } | null;
  readonly image: ImageSpec | null;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  /** `value` is bytes; kept as base64 in records on disk. */
  readonly envs: readonly { readonly key: string; readonly value: Uint8Array | string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly { readonly containerPath: string; readonly hostPath: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: {
    readonly resources: LinuxContainerResources | null;
    readonly securityContext: LinuxContainerSecurityContext | null;
  } | null;
  readonly CDIDevices?: readonly { readonly name: string }[];
  readonly stopSignal: string;
}

export type ContainerState =
  | 'CONTAINER_CREATED'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_EXITED'
  | 'CONTAINER_UNKNOWN';
export type PodSandboxState = 'SANDBOX_READY' | 'SANDBOX_NOTREADY';

export interface PodSandboxStatus {
  readonly id: string;
  readonly metadata: PodSandboxMetadata | null;
  readonly state: PodSandboxState;
  readonly createdAt: Int64;
  readonly network: { readonly ip: string; readonly additionalIps: readonly { readonly ip: string }[] };
  readonly linux: { readonly namespaces: { readonly options: NamespaceOption | null } };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata: ContainerConfig['metadata'];
  readonly state: ContainerState;
  readonly createdAt: Int64;
  readonly startedAt: Int64;
  readonly finishedAt: Int64;
  readonly exitCode: number;
  readonly image: ImageSpec;
  readonly imageRef: string;
  readonly imageId: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly logPath: string;
  readonly resources: { readonly linux: LinuxContainerResources | null };
  readonly user: {
    readonly linux: {
      readonly uid: Int64;
      readonly gid: Int64;
      readonly supplementalGroups: readonly Int64[];
    };
  };
  readonly stopSignal: string;
}
