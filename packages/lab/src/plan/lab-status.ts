/** What `lab status -o json` prints: the lab's interface for programs. */
export interface LabStatus {
  readonly name: string;
  readonly state: 'running' | 'starting' | 'stopped';
  readonly stateDir: string;
  /** Contexts `cluster1`, `cluster2`, …, usable from the host. */
  readonly kubeconfig: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly context: string;
    readonly network: string;
    readonly apiServer: string;
    readonly gateways: {
      readonly ingress: { readonly address: string; readonly http: string };
      readonly eastwest: { readonly address: string };
    };
  }[];
  readonly vm: {
    /** Whether it is switched on. */
    readonly on: boolean;
    readonly address: string;
    readonly ssh: { readonly config: string; readonly host: string; readonly user: string };
    readonly sidecarPackage: { readonly path: string; readonly sha256: string };
  } | null;
  readonly forwards: readonly { readonly name: string; readonly listen: string; readonly target: string }[];
  /** The lab's own clients, of the versions that run in it. */
  readonly tools: { readonly kubectl: string; readonly istioctl: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly components: readonly {
    readonly name: string;
    readonly pid: number | null;
    /** Resident memory of the process and of everything it started; shared pages count for their part. */
    readonly rssBytes: number;
    readonly restarts: number;
    readonly health: 'ready' | 'starting' | 'failed';
  }[];
}
