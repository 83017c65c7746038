/** What the container runtime is started with: the content of its `--config` file. All paths are absolute. */
export interface RuntimeOptions {
  /** Where the kubelet finds the runtime. */
  readonly socket: string;
  /** Where the runtime finds the streaming server. */
  readonly streamingSocket: string;
  readonly stateFolder: string;
  /** k8s.io/cri-api's api.proto. */
  readonly proto: string;
  readonly shim: string;
  /** The lab's Debian root, under every container. */
  readonly rootfs: string;
  readonly catalogues: readonly string[];
  /** What `${parts}` stands for in catalogues. */
  readonly partsFolder: string;
  /** Where the kubelet keeps its volumes: mounts from elsewhere are refused. */
  readonly volumesFolder: string;
  readonly podCidr: string;
  readonly bridge: string;
  /** Bytes. */
  readonly mtu: number;
  /** The hostname of pods on the machine's network that have none of their own. */
  readonly hostname: string;
  readonly version: string;
}
