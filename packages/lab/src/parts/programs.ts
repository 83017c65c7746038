/** How a program is asked for its version, and where in the answer the version is. */
export interface VersionProbe {
  readonly args: readonly string[];
  /** Its first group is the version. Matched against stdout and stderr together. */
  readonly pattern: RegExp;
}

/** A program built by Go from the module in `packages/lab/parts`. */
export interface GoProgram {
  readonly name: string;
  /** Import path, or `./folder` for our own programs. */
  readonly package: string;
  /** Whose version it reports; null for our own programs, which have none. */
  readonly component: Component | null;
  readonly probe: VersionProbe | null;
}

export type Component = 'kubernetes' | 'etcd' | 'istio' | 'coredns' | 'envoy';

const KUBERNETES_VERSION: VersionProbe = { args: ['--version'], pattern: /^Kubernetes (v\S+)/m };
const ISTIO_VERSION: VersionProbe = {
  args: ['version', '--short'],
  pattern: /^client version: (\S+)$/m,
};

function kubernetes(name: string): GoProgram {
  return {
    name,
    package: `k8s.io/kubernetes/cmd/${name}`,
    component: 'kubernetes',
    probe: KUBERNETES_VERSION,
  };
}

function istio(name: string, path: string, args = ISTIO_VERSION.args): GoProgram {
  return {
    name,
    package: `istio.io/istio/${path}/cmd/${name}`,
    component: 'istio',
    probe: { args, pattern: ISTIO_VERSION.pattern },
  };
}

/** What Go builds of other people's programs, the long ones first: it is also the order in which they are shown. */
export const GO_PROGRAMS: readonly GoProgram[] = [
  kubernetes('kube-apiserver'),
  kubernetes('kube-controller-manager'),
  kubernetes('kubelet'),
  istio('pilot-discovery', 'pilot'),
  istio('istioctl', 'istioctl', ['version', '--short', '--remote=false']),
  istio('pilot-agent', 'pilot'),
  kubernetes('kube-scheduler'),
  kubernetes('kube-proxy'),
  {
    ...kubernetes('kubectl'),
    probe: { args: ['version', '--client'], pattern: /^Client Version: (v\S+)/m },
  },
  {
    name: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    component: 'etcd',
    probe: { args: ['--version'], pattern: /^etcd Version: (\S+)/m },
  },
];

export const ENVOY_PROBE: VersionProbe = {
  args: ['--version'],
  pattern: /version: [0-9a-f]+\/([^/\s]+)\//,
};

/** A folder with this file is a program of ours. */
const MAIN_FILE = /^([^/]+)\/main\.go$/;

/** Our own programs: one per folder of the module, named after it, save the first process of a lab. */
export function ownPrograms(sourcePaths: Iterable<string>): GoProgram[] {
  const folders = [...sourcePaths]
    .map((path) => MAIN_FILE.exec(path)?.[1])
    .filter((name) => name !== undefined);
  return folders.sort().map((folder) => ({
    name: folder === 'init' ? 'labinit' : folder,
    package: `./${folder}`,
    component: folder === 'coredns' ? 'coredns' : null,
    probe: folder === 'coredns' ? { args: ['-version'], pattern: /^CoreDNS-(\S+)/m } : null,
  }));
}

/** The name that `go build` gives a program: its import path's last element, without a major version. */
export function goOutputName(program: GoProgram): string {
  const elements = program.package.split('/');
  const last = elements.at(-1) ?? program.package;
  return /^v\d+$/.test(last) ? (elements.at(-2) ?? last) : last;
}
