import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type BootstrapInput, bootstrapFiles } from './bootstrap-files.ts';
import { vmPaths } from './vm-paths.ts';

/** The inputs of istioctl's own test `vmconfig/ipv4` (Istio at eed52ebb66ad, istioctl/pkg/workload/testdata). */
const istioctlInput: BootstrapInput = {
  meshConfig: `defaultConfig:
  proxyMetadata:
    # should be overridden by the command
    ISTIO_META_DNS_CAPTURE: "false"
    # should be overridden by the annotation on the WorkloadGroup
    PROXY_CONFIG_ANNOT_VALUE: "foo"
    # should be in the final cluster.env/mesh.yaml
    CLUSTER_MESH_CONFIG_VALUE: "foo"
`,
  workloadGroup: {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: 'foo', namespace: 'bar' },
    spec: {
      metadata: {
        annotations: {
          'proxy.istio.io/config':
            'proxyMetadata:\n  # this should override the value from the global meshconfig\n  PROXY_CONFIG_ANNOT_VALUE: bar',
        },
        labels: {},
      },
      template: { ports: {}, serviceAccount: 'vm-serviceaccount' },
      probe: { httpGet: { port: 8080 } },
    },
  },
  rootCert: 'fake-CA-cert',
  token: 'hush-hush',
  clusterId: 'Kubernetes',
  istioNamespace: 'istio-system',
  revision: 'rev-1',
  gatewayAddress: '10.10.10.11',
  vmAddress: '10.10.10.10',
};

/** istioctl's golden output; the last line is what --autoregister adds to it. */
const istioctlClusterEnv = `CANONICAL_REVISION='latest'
CANONICAL_SERVICE='foo'
CA_ADDR='istiod-rev-1.istio-system.svc:15012'
CLUSTER_MESH_CONFIG_VALUE='foo'
ISTIO_INBOUND_PORTS='*'
ISTIO_LOCAL_EXCLUDE_PORTS='22,15090,15021,15020'
ISTIO_METAJSON_LABELS='{"service.istio.io/canonical-name":"foo","service.istio.io/canonical-revision":"latest"}'
ISTIO_META_CLUSTER_ID='Kubernetes'
ISTIO_META_DNS_CAPTURE='true'
ISTIO_META_MESH_ID=''
ISTIO_META_NETWORK=''
ISTIO_META_WORKLOAD_NAME='foo'
ISTIO_NAMESPACE='bar'
ISTIO_SERVICE='foo.bar'
ISTIO_SERVICE_CIDR='*'
ISTIO_SVC_IP='10.10.10.10'
POD_NAMESPACE='bar'
PROXY_CONFIG_ANNOT_VALUE='bar'
SERVICE_ACCOUNT='vm-serviceaccount'
TRUST_DOMAIN=''
ISTIO_META_AUTO_REGISTER_GROUP='foo'
`;

const istioctlMeshYaml = `defaultConfig:
  discoveryAddress: istiod-rev-1.istio-system.svc:15012
  proxyMetadata:
    CANONICAL_REVISION: latest
    CANONICAL_SERVICE: foo
    CLUSTER_MESH_CONFIG_VALUE: foo
    ISTIO_META_AUTO_REGISTER_GROUP: foo
    ISTIO_META_CLUSTER_ID: Kubernetes
    ISTIO_META_DNS_CAPTURE: "true"
    ISTIO_META_MESH_ID: ""
    ISTIO_META_NETWORK: ""
    ISTIO_META_WORKLOAD_NAME: foo
    ISTIO_METAJSON_LABELS: '{"service.istio.io/canonical-name":"foo","service.istio.io/canonical-revision":"latest"}'
    POD_NAMESPACE: bar
    PROXY_CONFIG_ANNOT_VALUE: bar
    SERVICE_ACCOUNT: vm-serviceaccount
    TRUST_DOMAIN: ""
  readinessProbe:
    httpGet:
      port: 8080
`;

function contentOf(input: BootstrapInput, path: string): string {
  return String(bootstrapFiles(input).files.find((file) => file.path === path)?.content);
}

function variables(env: string): Record<string, string> {
  return Object.fromEntries(
    env
      .trim()
      .split('\n')
      .map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
  );
}

function lines(text: string): string[] {
  return text.trim().split('\n').sort();
}

describe('the same inputs as in istioctl’s own test', () => {
  it('give its cluster.env', () => {
    expect(lines(contentOf(istioctlInput, vmPaths.clusterEnv))).toEqual(lines(istioctlClusterEnv));
  });

  it('give its mesh.yaml', () => {
    expect(parse(contentOf(istioctlInput, vmPaths.meshConfig))).toEqual(parse(istioctlMeshYaml));
  });

  it('give its hosts line', () => {
    const { hostsLine, istiodHost } = bootstrapFiles(istioctlInput);
    expect(hostsLine).toBe('10.10.10.11 istiod-rev-1.istio-system.svc');
    expect(istiodHost).toBe('istiod-rev-1.istio-system.svc');
  });
});

const catalog: BootstrapInput = {
  ...istioctlInput,
  meshConfig: `trustDomain: cluster.local
defaultConfig:
  discoveryAddress: istiod.istio-system.svc:15012
  meshId: mesh1
`,
  revision: 'default',
  workloadGroup: {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: 'catalog', namespace: 'default' },
    spec: {
      metadata: { labels: { app: 'catalog', version: 'vm', side: "it's" } },
      template: { ports: { http: 8080, grpc: 3550 }, serviceAccount: 'catalog', network: 'network1' },
      probe: { periodSeconds: 2, grpc: { port: 3550 } },
    },
  },
};

describe('a WorkloadGroup with ports, labels and a network', () => {
  it('says so to the proxy', () => {
    expect(variables(contentOf(catalog, vmPaths.clusterEnv))).toMatchObject({
      ISTIO_INBOUND_PORTS: "'3550,8080'",
      ISTIO_META_POD_PORTS: `'[{"name":"grpc","containerPort":3550,"protocol":""},{"name":"http","containerPort":8080,"protocol":""}]'`,
      ISTIO_META_NETWORK: "'network1'",
      ISTIO_META_MESH_ID: "'mesh1'",
      TRUST_DOMAIN: "'cluster.local'",
      CANONICAL_SERVICE: "'catalog'",
      CANONICAL_REVISION: "'vm'",
    });
  });

  it('has no CA address of its own without a revision', () => {
    expect(variables(contentOf(catalog, vmPaths.clusterEnv))).not.toHaveProperty('CA_ADDR');
    expect(bootstrapFiles(catalog).hostsLine).toBe('10.10.10.11 istiod.istio-system.svc');
  });

  it('quotes what a shell would take apart', () => {
    expect(contentOf(catalog, vmPaths.clusterEnv)).toContain(`"side":"it'"'"'s"`);
  });
});

it('tells whom the proxy will be', () => {
  expect(bootstrapFiles(catalog).identity).toBe('spiffe://cluster.local/ns/default/sa/catalog');
  expect(bootstrapFiles(istioctlInput).identity).toBe('spiffe://cluster.local/ns/bar/sa/vm-serviceaccount');
});

it('lets nobody but the proxy read the token', () => {
  const { token, files } = bootstrapFiles(catalog);
  expect(token).toMatchObject({ mode: 0o600, owner: 'istio-proxy:istio-proxy', content: 'hush-hush' });
  expect(files.every(({ content }) => !String(content).includes('hush-hush'))).toBe(true);
});

it('gives the proxy no file to write that root runs as shell', () => {
  const clusterEnv = bootstrapFiles(catalog).files.find(({ path }) => path === vmPaths.clusterEnv);
  expect(clusterEnv).toMatchObject({ owner: 'root:root', mode: 0o644 });
});

it('refuses to put a sidecar in front of ssh', () => {
  const { metadata, apiVersion, kind } = catalog.workloadGroup;
  const workloadGroup = { apiVersion, kind, metadata, spec: { template: { ports: { ssh: 22 } } } };
  expect(() => bootstrapFiles({ ...catalog, workloadGroup })).toThrow("ports have ssh's own, 22");
});
