import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeconfig } from '../kube/kubeconfig.ts';
import { API_SERVER_PORT, type ClusterPlan } from '../plan/lab-plan.ts';
import type { KeyPair } from './certificate-authority.ts';
import type { ClusterIdentities } from './identities.ts';

/** One cluster's folder: its components read their keys and configuration from here. */
export class ClusterFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  path(...name: string[]): string {
    return join(this.#dir, ...name);
  }

  /** Where `write` puts a key pair's two files. */
  keyPair(name: string): { cert: string; key: string } {
    return { cert: this.path('pki', `${name}.crt`), key: this.path('pki', `${name}.key`) };
  }

  kubeconfig(component: string): string {
    return this.path(`${component}.kubeconfig`);
  }
}

/** How a component of the cluster is reached on the backbone. */
export function serverUrl(cluster: ClusterPlan): string {
  return `https://${cluster.addresses.machine}:${API_SERVER_PORT}`;
}

/** Writes every key, certificate and kubeconfig of a cluster; readable by their owner only. */
export async function writeClusterFiles(
  files: ClusterFiles,
  cluster: ClusterPlan,
  identities: ClusterIdentities,
): Promise<void> {
  await mkdir(files.path('pki'), { recursive: true, mode: 0o700 });
  const pairs: Record<string, KeyPair> = {
    ca: identities.ca,
    'etcd-ca': identities.etcdCa,
    'front-proxy-ca': identities.frontProxyCa,
    etcd: identities.etcd,
    apiserver: identities.serving.apiServer,
    'controller-manager': identities.serving.controllerManager,
    scheduler: identities.serving.scheduler,
    kubelet: identities.serving.kubelet,
    'apiserver-etcd-client': identities.client.apiServerToEtcd,
    'apiserver-kubelet-client': identities.client.apiServerToKubelet,
    'front-proxy-client': identities.client.frontProxy,
  };
  const clients: Record<string, KeyPair> = {
    user: identities.client.user,
    'controller-manager': identities.client.controllerManager,
    scheduler: identities.client.scheduler,
    'kube-proxy': identities.client.kubeProxy,
    kubelet: identities.client.kubelet,
  };
  const secret = (path: string, content: string) => writeFile(path, content, { mode: 0o600 });
  await Promise.all([
    ...Object.entries(pairs).flatMap(([name, pair]) => {
      const paths = files.keyPair(name);
      return [secret(paths.cert, pair.cert), secret(paths.key, pair.key)];
    }),
    secret(files.path('pki', 'sa.pub'), identities.serviceAccounts.publicKey),
    secret(files.path('pki', 'sa.key'), identities.serviceAccounts.privateKey),
    ...Object.entries(clients).map(([component, pair]) =>
      secret(
        files.kubeconfig(component),
        kubeconfig([
          {
            name: cluster.name,
            user: component,
            server: serverUrl(cluster),
            ca: identities.ca.cert,
            ...pair,
          },
        ]),
      ),
    ),
  ]);
}
