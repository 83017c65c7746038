import { parse, stringify } from 'yaml';
import type { KubeObject } from '../effects/kube/port.ts';
import type { RemoteFile } from '../effects/ssh/port.ts';
import { MeshliftError } from '../errors/error.ts';
import { vmPaths } from './vm-paths.ts';

export interface BootstrapInput {
  /** `.data.mesh` of Istio's ConfigMap in the home cluster */
  readonly meshConfig: string;
  readonly workloadGroup: KubeObject;
  /** the mesh's root certificates, PEM */
  readonly rootCert: string;
  /** a service account token of audience istio-ca; it is a secret */
  readonly token: string;
  /** Istio's id of the home cluster */
  readonly clusterId: string;
  readonly istioNamespace: string;
  /** absent, or `default`: the control plane without a revision */
  readonly revision?: string;
  /** IP address by which the VM reaches istiod */
  readonly gatewayAddress: string;
  /** the VM's own address, as the clusters reach it */
  readonly vmAddress: string;
}

/** What makes a VM a member of the mesh. */
export interface Bootstrap {
  /** configuration that only changes with the mesh or the WorkloadGroup */
  readonly files: readonly RemoteFile[];
  /** the mesh's root certificates, until the proxy, which owns the folder, writes those that it gets */
  readonly rootCert: RemoteFile;
  /** good for an hour; the proxy trades it for a certificate that it renews itself */
  readonly token: RemoteFile;
  /** for /etc/hosts, without a newline */
  readonly hostsLine: string;
  /** istiod's name as the VM dials it */
  readonly istiodHost: string;
  /** whom the proxy's certificate will name: `spiffe://cluster.local/ns/default/sa/catalog` */
  readonly identity: string;
}

interface WorkloadGroupFields {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: {
    readonly metadata?: {
      readonly labels?: Record<string, string>;
      readonly annotations?: Record<string, string>;
    };
    readonly template?: {
      readonly ports?: Record<string, number>;
      readonly labels?: Record<string, string>;
      readonly serviceAccount?: string;
      readonly network?: string;
    };
    readonly probe?: Record<string, unknown>;
  };
}

interface ProxyConfig extends Record<string, unknown> {
  readonly proxyMetadata?: Record<string, string>;
  readonly statusPort?: number;
  readonly discoveryAddress?: string;
  readonly meshId?: string;
}

const proxyConfigAnnotation = 'proxy.istio.io/config';

/**
 * The files of `istioctl x workload entry configure --autoregister --capture-dns`, with the same contents, but with
 * modes of their own: istioctl leaves its token readable by everyone. What root reads as shell belongs to root.
 */
export function bootstrapFiles(input: BootstrapInput): Bootstrap {
  refuseSshPort(input.workloadGroup);
  const proxyConfig = proxyConfigOf(input);
  const istiodHost = `istiod${isRevisioned(input) ? `-${input.revision}` : ''}.${input.istioNamespace}.svc`;
  const root = { owner: 'root:root', mode: 0o644 };
  return {
    files: [
      { path: vmPaths.clusterEnv, content: clusterEnv(input, proxyConfig), ...root },
      { path: vmPaths.meshConfig, content: meshYaml(proxyConfig), ...root },
    ],
    rootCert: { path: vmPaths.rootCert, content: input.rootCert, ...root },
    token: { path: vmPaths.token, content: input.token, owner: 'istio-proxy:istio-proxy', mode: 0o600 },
    hostsLine: `${input.gatewayAddress} ${istiodHost}`,
    istiodHost,
    identity: identityOf(input, proxyConfig),
  };
}

function identityOf({ workloadGroup }: BootstrapInput, { proxyMetadata }: ProxyConfig): string {
  const trustDomain = proxyMetadata?.TRUST_DOMAIN || 'cluster.local';
  const namespace = workloadGroup.metadata.namespace ?? 'default';
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccountOf(workloadGroup)}`;
}

const sshPort = 22;

/** The sidecar would take every login for a call of the mesh, and nobody could log in to undo it. */
function refuseSshPort(workloadGroup: KubeObject): void {
  const { metadata, spec } = workloadGroup as unknown as WorkloadGroupFields;
  if (!Object.values(spec?.template?.ports ?? {}).includes(sshPort)) return;
  throw new MeshliftError('bad-input', {
    where: `WorkloadGroup ${metadata.namespace}/${metadata.name}`,
    why: `its ports have ssh's own, ${sshPort}: the sidecar would take every login on the VM for a call of the mesh`,
    next: "name the port that the service listens on as the service's port",
  });
}

function isRevisioned({ revision }: BootstrapInput): boolean {
  return revision !== undefined && revision !== '' && revision !== 'default';
}

/** The proxy's configuration: the mesh's defaults, then the WorkloadGroup's annotations, then what the VM itself is. */
function proxyConfigOf(input: BootstrapInput): ProxyConfig & { proxyMetadata: Record<string, string> } {
  const mesh = (parse(input.meshConfig) ?? {}) as { defaultConfig?: ProxyConfig; trustDomain?: string };
  const group = input.workloadGroup as unknown as WorkloadGroupFields;
  const layers = [
    isRevisioned(input) ? { discoveryAddress: istiodAddress(input) } : {},
    mesh.defaultConfig ?? {},
    annotated(group.metadata.annotations),
    annotated(group.spec?.metadata?.annotations),
  ];
  const merged: ProxyConfig = Object.assign({}, ...layers);
  const metadata = Object.assign({}, ...layers.map((layer) => layer.proxyMetadata)) as Record<string, string>;
  const probe = group.spec?.probe;
  return {
    ...merged,
    ...(probe && { readinessProbe: probe }),
    proxyMetadata: { ...metadata, ...vmMetadata(input, group, merged.meshId ?? '', mesh.trustDomain ?? '') },
  };
}

function annotated(annotations: Record<string, string> | undefined): ProxyConfig {
  return (parse(annotations?.[proxyConfigAnnotation] ?? '') ?? {}) as ProxyConfig;
}

function istiodAddress({ istioNamespace, revision }: BootstrapInput): string {
  return `istiod-${revision}.${istioNamespace}.svc:15012`;
}

function vmMetadata(
  input: BootstrapInput,
  group: WorkloadGroupFields,
  meshId: string,
  trustDomain: string,
): Record<string, string> {
  const { metadata, spec } = group;
  const labels = { ...spec?.metadata?.labels, ...spec?.template?.labels };
  const service =
    labels['service.istio.io/canonical-name'] ??
    labels['app.kubernetes.io/name'] ??
    labels.app ??
    metadata.name;
  const revision =
    labels['service.istio.io/canonical-revision'] ??
    labels['app.kubernetes.io/version'] ??
    labels.version ??
    'latest';
  const ports = Object.entries(spec?.template?.ports ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containerPort]) => ({ name, containerPort, protocol: '' }));
  return {
    CANONICAL_SERVICE: service,
    CANONICAL_REVISION: revision,
    POD_NAMESPACE: metadata.namespace ?? 'default',
    SERVICE_ACCOUNT: serviceAccountOf(input.workloadGroup),
    TRUST_DOMAIN: trustDomain,
    ISTIO_META_CLUSTER_ID: input.clusterId,
    ISTIO_META_MESH_ID: meshId,
    ISTIO_META_NETWORK: spec?.template?.network ?? '',
    ...(ports.length > 0 && { ISTIO_META_POD_PORTS: JSON.stringify(ports) }),
    ISTIO_META_WORKLOAD_NAME: metadata.name,
    ISTIO_METAJSON_LABELS: JSON.stringify(
      sortedByKey({
        ...labels,
        'service.istio.io/canonical-name': service,
        'service.istio.io/canonical-revision': revision,
      }),
    ),
    ISTIO_META_DNS_CAPTURE: 'true',
    ISTIO_META_AUTO_REGISTER_GROUP: metadata.name,
  };
}

/** The service account that the VM's proxy identifies itself with. */
export function serviceAccountOf(workloadGroup: KubeObject): string {
  return (workloadGroup as unknown as WorkloadGroupFields).spec?.template?.serviceAccount || 'default';
}

function clusterEnv(
  input: BootstrapInput,
  proxyConfig: ProxyConfig & { proxyMetadata: Record<string, string> },
): string {
  const { metadata, spec } = input.workloadGroup as unknown as WorkloadGroupFields;
  const namespace = metadata.namespace ?? 'default';
  const ports = Object.values(spec?.template?.ports ?? {}).sort((a, b) => a - b);
  const variables: Record<string, string> = {
    ...proxyConfig.proxyMetadata,
    ISTIO_INBOUND_PORTS: ports.length > 0 ? ports.join(',') : '*',
    ISTIO_NAMESPACE: namespace,
    ISTIO_SERVICE: `${metadata.name}.${namespace}`,
    ISTIO_SERVICE_CIDR: '*',
    ISTIO_LOCAL_EXCLUDE_PORTS: excludedPorts(proxyConfig.statusPort ?? 0),
    SERVICE_ACCOUNT: serviceAccountOf(input.workloadGroup),
    ISTIO_SVC_IP: input.vmAddress,
    ...(isRevisioned(input) && { CA_ADDR: istiodAddress(input) }),
    ...(probesThroughItself(spec?.probe) && { REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION: 'true' }),
  };
  // Sourced by istio-start.sh as root.
  const lines = Object.entries(variables).map(
    ([name, value]) => `${name}='${value.replaceAll("'", `'"'"'`)}'`,
  );
  return `${lines.sort().join('\n')}\n`;
}

/**
 * The agent's gRPC and TCP probes go to the VM's own address from the proxy's user, which the sidecar's rules send into
 * the proxy: under strict mTLS a gRPC probe always fails there, and a TCP probe always succeeds, whatever the service
 * does (pkg/istio-agent/health/health_probers.go at eed52ebb66ad: only HTTP probes leave by the exempt address).
 * With this switch of Istio's they go to localhost, which is the service.
 */
function probesThroughItself(probe: Record<string, unknown> | undefined): boolean {
  const tcp = probe?.tcpSocket as { host?: string } | undefined;
  return probe?.grpc !== undefined || (tcp !== undefined && !tcp.host);
}

/** Ports whose traffic must never go through the proxy: ssh, so that a fault never locks people out, and its own. */
function excludedPorts(statusPort: number): string {
  const own = ['22', '15090', '15021'];
  if (statusPort === 15090 || statusPort === 15021) return own.join(',');
  return [...own, String(statusPort || 15020)].join(',');
}

function meshYaml(proxyConfig: ProxyConfig): string {
  return stringify({ defaultConfig: proxyConfig }, { sortMapEntries: true, lineWidth: 0 });
}

function sortedByKey(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
