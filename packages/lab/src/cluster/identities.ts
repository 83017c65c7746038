import type { ClusterPlan } from '../plan/lab-plan.ts';
import { CertificateAuthority, type KeyPair, signingKey } from './certificate-authority.ts';

/**
 * Every key and certificate of one cluster, made fresh. Each component has a name of its own, with what
 * RBAC and the Node authoriser give that name; only the user is in `system:masters`.
 */
export interface ClusterIdentities {
  readonly ca: KeyPair;
  readonly etcdCa: KeyPair;
  readonly frontProxyCa: KeyPair;
  readonly etcd: KeyPair;
  readonly serviceAccounts: { readonly publicKey: string; readonly privateKey: string };
  readonly serving: {
    readonly apiServer: KeyPair;
    readonly controllerManager: KeyPair;
    readonly scheduler: KeyPair;
    readonly kubelet: KeyPair;
  };
  readonly client: {
    readonly user: KeyPair;
    readonly apiServerToEtcd: KeyPair;
    readonly apiServerToKubelet: KeyPair;
    readonly frontProxy: KeyPair;
    readonly controllerManager: KeyPair;
    readonly scheduler: KeyPair;
    readonly kubeProxy: KeyPair;
    readonly kubelet: KeyPair;
    readonly loadBalancers: KeyPair;
  };
}

/** The API server's name when it calls the kubelet; cluster/access-rules.ts gives it that right. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';
/** The load balancer controller's name; cluster/access-rules.ts says what it may do. */
export const LOAD_BALANCERS = 'meshlift-lab:load-balancers';

export async function makeIdentities(cluster: ClusterPlan): Promise<ClusterIdentities> {
  const [ca, etcdCa, frontProxyCa] = await Promise.all([
    CertificateAuthority.root({ commonName: `${cluster.name}-ca` }),
    CertificateAuthority.root({ commonName: `${cluster.name}-etcd-ca` }),
    CertificateAuthority.root({ commonName: `${cluster.name}-front-proxy-ca` }),
  ]);
  const { machine, kubernetesService } = cluster.addresses;
  const onMachine = { dns: ['localhost', cluster.nodeName], ips: ['127.0.0.1', machine] };
  return {
    ca: ca.pem,
    etcdCa: etcdCa.pem,
    frontProxyCa: frontProxyCa.pem,
    etcd: await etcdCa.peer({ commonName: 'etcd' }, onMachine),
    serviceAccounts: await signingKey(),
    serving: {
      apiServer: await ca.serving(
        { commonName: 'kube-apiserver' },
        {
          dns: [
            'localhost',
            'kubernetes',
            'kubernetes.default',
            'kubernetes.default.svc',
            'kubernetes.default.svc.cluster.local',
          ],
          ips: ['127.0.0.1', machine, kubernetesService],
        },
      ),
      controllerManager: await ca.serving({ commonName: 'kube-controller-manager' }, onMachine),
      scheduler: await ca.serving({ commonName: 'kube-scheduler' }, onMachine),
      kubelet: await ca.serving(
        { commonName: `system:node:${cluster.nodeName}`, organizations: ['system:nodes'] },
        onMachine,
      ),
    },
    client: {
      user: await ca.client({ commonName: 'lab-user', organizations: ['system:masters'] }),
      apiServerToEtcd: await etcdCa.client({ commonName: 'kube-apiserver-etcd-client' }),
      apiServerToKubelet: await ca.client({ commonName: KUBELET_CLIENT }),
      frontProxy: await frontProxyCa.client({ commonName: 'front-proxy-client' }),
      controllerManager: await ca.client({ commonName: 'system:kube-controller-manager' }),
      scheduler: await ca.client({ commonName: 'system:kube-scheduler' }),
      kubeProxy: await ca.client({ commonName: 'system:kube-proxy' }),
      kubelet: await ca.client({
        commonName: `system:node:${cluster.nodeName}`,
        organizations: ['system:nodes'],
      }),
      loadBalancers: await ca.client({ commonName: LOAD_BALANCERS }),
    },
  };
}
