/** What the kubelet of a lab's node needs to know. All paths are absolute. */
export interface KubeletInput {
  readonly runtimeSocket: string;
  /** The address that it serves on. */
  readonly address: string;
  readonly servingCert: { readonly cert: string; readonly key: string };
  readonly clientCa: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** /etc/resolv.conf of pods that want the machine's and not the cluster's. */
  readonly resolverFile: string;
  readonly podLogsFolder: string;
  readonly volumePluginFolder: string;
  readonly podCidr: string;
}

/**
 * The kubelet's configuration file (kubelet.config.k8s.io/v1beta1) for a node without cgroups, whose
 * containers are processes of a sandbox that may be an ordinary user's.
 */
export function kubeletConfiguration(input: KubeletInput): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${input.runtimeSocket}`,
    address: input.address,
    // Beside the API, so that the supervisor reaches it from the lab's own network.
    healthzBindAddress: input.address,
    readOnlyPort: 0,
    tlsCertFile: input.servingCert.cert,
    tlsPrivateKeyFile: input.servingCert.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: input.clientCa },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: [input.clusterDns],
    clusterDomain: input.clusterDomain,
    resolvConf: input.resolverFile,
    podLogsDir: input.podLogsFolder,
    volumePluginDir: input.volumePluginFolder,
    podCIDR: input.podCidr,
    ...withoutCgroups,
    ...withoutReclaiming,
    ...swift,
    maxPods: 110,
    makeIPTablesUtilChains: false,
    featureGates,
    enableProfilingHandler: false,
    enableDebugFlagsHandler: false,
  };
}

/** Resources are neither counted nor limited, and kernel settings are left alone. */
const withoutCgroups = {
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  failSwapOn: false,
  localStorageCapacityIsolation: false,
  // As it is anyway: an ordinary user may neither raise its own importance nor its limits.
  oomScoreAdj: 0,
  maxOpenFiles: 65_536,
};

/** Images take no room, and a lab does not evict: a full disk is the machine's owner's to see. */
const withoutReclaiming = {
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: {
    'memory.available': '0%',
    'nodefs.available': '0%',
    'nodefs.inodesFree': '0%',
    'imagefs.available': '0%',
    'imagefs.inodesFree': '0%',
  },
};

/** One node with few pods: nothing needs to be spared by waiting. */
const swift = {
  // How soon changed ConfigMaps and Secrets reach the volumes of running pods.
  syncFrequency: '5s',
  configMapAndSecretChangeDetectionStrategy: 'Watch',
  nodeStatusUpdateFrequency: '4s',
  nodeStatusReportFrequency: '1m',
  registryPullQPS: 0,
  serializeImagePulls: false,
  eventRecordQPS: 0,
  kubeAPIQPS: 100,
  kubeAPIBurst: 200,
};

/**
 * EventedPLEG stays off, as it is by default: every five seconds that kubelet takes what it knows for current, also while
 * events are on their way to it, and on a busy machine starts what runs already once more.
 */
const featureGates = {
  // What it cannot do as an ordinary user (kernel settings, the kernel's log) it then reports and goes on.
  KubeletInUserNamespace: true,
};
