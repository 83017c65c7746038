import { describe, expect, it } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { readBootstrap } from './read-bootstrap.ts';
import { vmPaths } from './vm-paths.ts';

function configMap(namespace: string, name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

function gateway(ingress: readonly Record<string, string>[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'istio-system', name: 'istio-eastwestgateway' },
    status: { loadBalancer: { ingress } },
  };
}

const home: readonly KubeObject[] = [
  configMap('istio-system', 'istio', { mesh: 'trustDomain: example.org\n' }),
  configMap('istio-system', 'istio-sidecar-injector', {
    values: JSON.stringify({ global: { multiCluster: { clusterName: 'cluster1' } } }),
  }),
  configMap('shop', 'istio-ca-root-cert', { 'root-cert.pem': 'the root' }),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { namespace: 'shop', name: 'catalog' },
    spec: { template: { serviceAccount: 'catalog' } },
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'shop', name: 'catalog' } },
  gateway([{ ip: '192.0.2.7' }]),
];

const request = { workloadGroup: { namespace: 'shop', name: 'catalog' }, vmAddress: '10.0.0.9' };

describe('what a VM needs from its home cluster', () => {
  it('is gathered from Istio’s own objects', async () => {
    const bootstrap = await readBootstrap(new FakeCluster('cluster1', home), request);
    expect(bootstrap.hostsLine).toBe('192.0.2.7 istiod.istio-system.svc');
    expect(bootstrap.identity).toBe('spiffe://example.org/ns/shop/sa/catalog');
    expect(bootstrap.token.content).toBe('token of shop/catalog for istio-ca');
    expect(bootstrap.rootCert.content).toBe('the root');
    const clusterEnv = bootstrap.files.find(({ path }) => path === vmPaths.clusterEnv);
    expect(clusterEnv?.content).toContain("ISTIO_META_CLUSTER_ID='cluster1'");
  });

  it('says what is missing, and where', async () => {
    const withoutRoot = home.filter(({ metadata }) => metadata.name !== 'istio-ca-root-cert');
    await expect(readBootstrap(new FakeCluster('cluster1', withoutRoot), request)).rejects.toMatchObject({
      code: 'cluster-refused',
      where: 'ConfigMap shop/istio-ca-root-cert in cluster1',
    });
  });

  it('is another revision’s where one is named', async () => {
    await expect(
      readBootstrap(new FakeCluster('cluster1', home), { ...request, revision: 'canary' }),
    ).rejects.toMatchObject({ where: expect.stringContaining('canary') });
  });
});

describe('the gateway', () => {
  const withGateway = (service: KubeObject) =>
    new FakeCluster('cluster1', [...home.filter(({ kind }) => kind !== 'Service'), service]);

  it('may be known better by the user', async () => {
    const { hostsLine } = await readBootstrap(withGateway(gateway([])), {
      ...request,
      gateway: { address: '192.0.2.9' },
    });
    expect(hostsLine).toBe('192.0.2.9 istiod.istio-system.svc');
  });

  it('is refused while it has no address', async () => {
    await expect(readBootstrap(withGateway(gateway([])), request)).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('no load balancer address yet'),
    });
  });

  it('is refused with only a name, whose addresses may change', async () => {
    const named = withGateway(gateway([{ hostname: 'lb.example.org' }]));
    await expect(readBootstrap(named, request)).rejects.toMatchObject({
      code: 'cluster-refused',
      why: expect.stringContaining('only the name lb.example.org'),
    });
  });
});
