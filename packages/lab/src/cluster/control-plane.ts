import { API_SERVER_PORT, type ClusterPlan } from '../plan/lab-plan.ts';
import type { Component } from '../supervisor/component.ts';
import { answersOk, type ProbeTls } from '../supervisor/readiness.ts';
import type { ClusterFiles } from './cluster-files.ts';
import { serverUrl } from './cluster-files.ts';
import type { ClusterIdentities } from './identities.ts';

/** Turns a part's name into the path of its program. */
export type PartPath = (name: string) => string;

const ETCD_METRICS_PORT = 2381;
const CONTROLLER_MANAGER_PORT = 10257;
const SCHEDULER_PORT = 10259;
const KUBE_PROXY_HEALTH_PORT = 10256;

/** The name of a cluster's component, as `status`, logs and faults show it. */
export function componentName(cluster: ClusterPlan, part: string): string {
  return `${cluster.name}/${part}`;
}

export interface ControlPlane {
  readonly cluster: ClusterPlan;
  readonly files: ClusterFiles;
  readonly identities: ClusterIdentities;
  readonly part: PartPath;
}

/** The processes of one cluster's machine, but for its node. */
export function controlPlaneComponents(plane: ControlPlane): Component[] {
  return [etcd(plane), apiServer(plane), controllerManager(plane), scheduler(plane), kubeProxy(plane)];
}

function etcd({ cluster, files, identities, part }: ControlPlane): Component {
  const { cert, key } = files.keyPair('etcd');
  const ca = files.keyPair('etcd-ca').cert;
  const client = 'https://127.0.0.1:2379';
  const metrics = `https://${cluster.addresses.machine}:${ETCD_METRICS_PORT}`;
  const tls: ProbeTls = { ca: identities.etcdCa.cert, ...identities.client.apiServerToEtcd };
  return {
    name: componentName(cluster, 'etcd'),
    netns: cluster.name,
    argv: [
      part('etcd'),
      `--name=${cluster.name}`,
      `--data-dir=${files.path('etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-metrics-urls=${metrics}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      `--cert-file=${cert}`,
      `--key-file=${key}`,
      `--trusted-ca-file=${ca}`,
      '--client-cert-auth',
      // A lab's data ends with the lab: waiting for the disk would buy nothing.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    ready: (signal) => answersOk(`${metrics}/readyz`, signal, tls),
  };
}

function apiServer({ cluster, files, identities, part }: ControlPlane): Component {
  const serving = files.keyPair('apiserver');
  const etcdClient = files.keyPair('apiserver-etcd-client');
  const kubeletClient = files.keyPair('apiserver-kubelet-client');
  const frontProxy = files.keyPair('front-proxy-client');
  const ca = files.keyPair('ca').cert;
  return {
    name: componentName(cluster, 'apiserver'),
    netns: cluster.name,
    // Not `after` etcd: the API server waits for it by itself, and has a second of its own work before.
    argv: [
      part('kube-apiserver'),
      `--advertise-address=${cluster.addresses.machine}`,
      `--secure-port=${API_SERVER_PORT}`,
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      '--etcd-servers=https://127.0.0.1:2379',
      `--etcd-cafile=${files.keyPair('etcd-ca').cert}`,
      `--etcd-certfile=${etcdClient.cert}`,
      `--etcd-keyfile=${etcdClient.key}`,
      `--client-ca-file=${ca}`,
      `--kubelet-client-certificate=${kubeletClient.cert}`,
      `--kubelet-client-key=${kubeletClient.key}`,
      `--kubelet-certificate-authority=${ca}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      // Sidecars set up their own traffic rules, which takes NET_ADMIN.
      '--allow-privileged=true',
      // Webhooks and aggregated APIs are called at their pods: the API server's machine routes to them.
      '--enable-aggregator-routing=true',
      `--service-cluster-ip-range=${cluster.addresses.serviceCidr}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${files.path('pki', 'sa.pub')}`,
      `--service-account-signing-key-file=${files.path('pki', 'sa.key')}`,
      `--requestheader-client-ca-file=${files.keyPair('front-proxy-ca').cert}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${frontProxy.cert}`,
      `--proxy-client-key-file=${frontProxy.key}`,
      `--audit-policy-file=${files.path('audit-policy.yaml')}`,
      `--audit-log-path=${files.path('audit.log')}`,
      '--audit-log-maxsize=50',
      '--audit-log-maxbackup=1',
      '--profiling=false',
    ],
    ready: (signal) => answersOk(`${serverUrl(cluster)}/readyz`, signal, { ca: identities.ca.cert }),
  };
}

function controllerManager({ cluster, files, identities, part }: ControlPlane): Component {
  const config = files.kubeconfig('controller-manager');
  const serving = files.keyPair('controller-manager');
  const ca = files.keyPair('ca');
  return {
    name: componentName(cluster, 'controller-manager'),
    netns: cluster.name,
    after: [componentName(cluster, 'apiserver')],
    argv: [
      part('kube-controller-manager'),
      `--kubeconfig=${config}`,
      `--authentication-kubeconfig=${config}`,
      `--authorization-kubeconfig=${config}`,
      `--bind-address=${cluster.addresses.machine}`,
      `--secure-port=${CONTROLLER_MANAGER_PORT}`,
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${ca.cert}`,
      `--root-ca-file=${ca.cert}`,
      `--cluster-signing-cert-file=${ca.cert}`,
      `--cluster-signing-key-file=${ca.key}`,
      `--service-account-private-key-file=${files.path('pki', 'sa.key')}`,
      `--cluster-name=${cluster.name}`,
      '--use-service-account-credentials',
      // At the default of 20 a second, making an account for each controller alone takes seconds of the boot.
      '--kube-api-qps=300',
      '--kube-api-burst=600',
      '--leader-elect=false',
      '--profiling=false',
    ],
    ready: (signal) =>
      answersOk(`https://${cluster.addresses.machine}:${CONTROLLER_MANAGER_PORT}/healthz`, signal, {
        ca: identities.ca.cert,
      }),
  };
}

function scheduler({ cluster, files, identities, part }: ControlPlane): Component {
  const config = files.kubeconfig('scheduler');
  const serving = files.keyPair('scheduler');
  return {
    name: componentName(cluster, 'scheduler'),
    netns: cluster.name,
    after: [componentName(cluster, 'apiserver')],
    argv: [
      part('kube-scheduler'),
      `--kubeconfig=${config}`,
      `--authentication-kubeconfig=${config}`,
      `--authorization-kubeconfig=${config}`,
      `--bind-address=${cluster.addresses.machine}`,
      `--secure-port=${SCHEDULER_PORT}`,
      `--tls-cert-file=${serving.cert}`,
      `--tls-private-key-file=${serving.key}`,
      `--client-ca-file=${files.keyPair('ca').cert}`,
      '--leader-elect=false',
      '--profiling=false',
    ],
    ready: (signal) =>
      answersOk(`https://${cluster.addresses.machine}:${SCHEDULER_PORT}/healthz`, signal, {
        ca: identities.ca.cert,
      }),
  };
}

function kubeProxy({ cluster, files, part }: ControlPlane): Component {
  return {
    name: componentName(cluster, 'kube-proxy'),
    netns: cluster.name,
    after: [componentName(cluster, 'apiserver')],
    argv: [
      part('kube-proxy'),
      `--config=${files.path('kube-proxy.yaml')}`,
      `--hostname-override=${cluster.nodeName}`,
    ],
    ready: (signal) =>
      answersOk(`http://${cluster.addresses.machine}:${KUBE_PROXY_HEALTH_PORT}/healthz`, signal),
  };
}

/** What kube-proxy reads from `kube-proxy.yaml`. */
export function kubeProxyConfig(cluster: ClusterPlan, files: ClusterFiles): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: files.kubeconfig('kube-proxy') },
    mode: 'nftables',
    clusterCIDR: cluster.addresses.podCidr,
    detectLocalMode: 'ClusterCIDR',
    healthzBindAddress: `${cluster.addresses.machine}:${KUBE_PROXY_HEALTH_PORT}`,
    metricsBindAddress: '127.0.0.1:10249',
    // The host's conntrack limits are not the lab's to change.
    conntrack: { maxPerCore: 0, min: 0 },
  };
}

/** Who did what to which object, without the objects' contents. */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/readyz*', '/livez*', '/healthz*', '/version'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    { level: 'Metadata' },
  ],
};
