import { isIP } from 'node:net';
import type { KubeObject, KubeReader, KubeWriter } from '../effects/kube/port.ts';
import { MeshliftError } from '../errors/error.ts';
import { type Bootstrap, bootstrapFiles, serviceAccountOf } from './bootstrap-files.ts';

/** How the VM reaches istiod: a gateway's Service, or an address that the user knows better. */
export type IstiodGateway =
  | { readonly namespace: string; readonly name: string }
  | { readonly address: string };

export interface BootstrapRequest {
  readonly workloadGroup: { readonly namespace: string; readonly name: string };
  /** the VM's address as the clusters reach it */
  readonly vmAddress: string;
  /** `istio-system` unless given */
  readonly istioNamespace?: string;
  readonly revision?: string;
  /** `istio-eastwestgateway` in Istio's namespace unless given */
  readonly gateway?: IstiodGateway;
  /** 3600 unless given */
  readonly tokenSeconds?: number;
  readonly signal?: AbortSignal;
}

/** Reads all that the VM needs from its home cluster, and has a token made for it. */
export async function readBootstrap(home: KubeWriter, request: BootstrapRequest): Promise<Bootstrap> {
  const { istioNamespace = 'istio-system', revision, signal } = request;
  const suffix = revision === undefined || revision === 'default' ? '' : `-${revision}`;
  const { namespace, name } = request.workloadGroup;
  const configMap = (where: string, map: string) => required(home, configMapRef(where, map), signal);
  const gateway = request.gateway ?? { namespace: istioNamespace, name: 'istio-eastwestgateway' };
  const [mesh, injector, root, workloadGroup, address] = await Promise.all([
    configMap(istioNamespace, `istio${suffix}`),
    configMap(istioNamespace, `istio-sidecar-injector${suffix}`),
    configMap(namespace, 'istio-ca-root-cert'),
    required(home, { apiVersion: 'networking.istio.io/v1', kind: 'WorkloadGroup', namespace, name }, signal),
    gatewayAddress(home, gateway, signal),
  ]);
  const account = { namespace, name: serviceAccountOf(workloadGroup) };
  const token = await home.createToken(account, 'istio-ca', request.tokenSeconds ?? 3600, signal);
  return bootstrapFiles({
    meshConfig: dataOf(home, mesh, 'mesh'),
    workloadGroup,
    rootCert: dataOf(home, root, 'root-cert.pem'),
    token,
    clusterId: clusterIdOf(dataOf(home, injector, 'values')),
    istioNamespace,
    ...(revision !== undefined && { revision }),
    gatewayAddress: address,
    vmAddress: request.vmAddress,
  });
}

interface GatewayService {
  readonly spec?: { readonly externalIPs?: readonly string[] };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

/** The IP address at which the VM reaches istiod; `cluster-refused` while there is none. */
export async function gatewayAddress(
  home: KubeReader,
  gateway: IstiodGateway,
  signal?: AbortSignal,
): Promise<string> {
  if ('address' in gateway) return gateway.address;
  const service = await required(home, { apiVersion: 'v1', kind: 'Service', ...gateway }, signal);
  const { spec, status } = service as GatewayService;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const address = ingress.find(({ ip }) => ip !== undefined && isIP(ip) !== 0)?.ip ?? spec?.externalIPs?.[0];
  if (address !== undefined) return address;
  const dnsName = ingress.find(({ hostname }) => hostname)?.hostname;
  throw new MeshliftError('cluster-refused', {
    where: `Service ${gateway.namespace}/${gateway.name} in ${home.cluster}`,
    why:
      dnsName === undefined
        ? 'it has no load balancer address yet, so the VM could not reach istiod'
        : `its load balancer has only the name ${dnsName}; the addresses behind it may change, and /etc/hosts on the VM takes an address`,
    next:
      dnsName === undefined
        ? `see why: kubectl -n ${gateway.namespace} describe service ${gateway.name}`
        : 'give the load balancer a fixed address and name it as the gateway address of the migration',
  });
}

function configMapRef(namespace: string, name: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', namespace, name };
}

async function required(
  home: KubeReader,
  ref: { apiVersion: string; kind: string; namespace: string; name: string },
  signal: AbortSignal | undefined,
): Promise<KubeObject> {
  const object = await home.get(ref, signal);
  if (object !== null) return object;
  throw new MeshliftError('cluster-refused', {
    where: `${ref.kind} ${ref.namespace}/${ref.name} in ${home.cluster}`,
    why: 'it is not there, and a VM cannot join the mesh without it',
    next:
      ref.kind === 'ConfigMap'
        ? `check that Istio is installed there (with the right revision): kubectl -n ${ref.namespace} get configmaps`
        : `see what there is: kubectl -n ${ref.namespace} get ${ref.kind.toLowerCase()}s`,
  });
}

function dataOf(home: KubeReader, configMap: KubeObject, key: string): string {
  const text = (configMap as { data?: Record<string, string> }).data?.[key];
  if (text !== undefined) return text;
  const { namespace, name } = configMap.metadata;
  throw new MeshliftError('cluster-refused', {
    where: `ConfigMap ${namespace}/${name} in ${home.cluster}`,
    why: `it has no key ${key}, as Istio's has`,
    next: `look at it: kubectl -n ${namespace} get configmap ${name} -o yaml`,
  });
}

function clusterIdOf(injectorValues: string): string {
  const values = JSON.parse(injectorValues) as { global?: { multiCluster?: { clusterName?: string } } };
  return values.global?.multiCluster?.clusterName || 'Kubernetes';
}
