import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { expectNoticed, type Spoilt } from './testdata/notices.ts';
import { clustersPage, type Mutable, SoundWorld } from './testdata/sound-world.ts';

const host = 'productcatalogservice.default.svc.cluster.local';
const vmSide = 'productcatalogservice-vm.default.side';
const copySide = 'productcatalogservice-gke.default.side';

function istio(kind: string, spec: object, namespace = 'default', group = 'networking.istio.io'): KubeObject {
  return { apiVersion: `${group}/v1`, kind, metadata: { name: 'theirs', namespace }, spec };
}

const security = (kind: string, spec: object, namespace?: string) =>
  istio(kind, spec, namespace, 'security.istio.io');

const put =
  (object: KubeObject, cluster: 'cluster1' | 'cluster2' = 'cluster2') =>
  ({ clusters }: SoundWorld) =>
    void clusters[cluster].put(object);

const service = (change: (spec: Mutable) => void) => (world: SoundWorld) =>
  world.change('cluster2', 'Service', 'productcatalogservice', ({ spec }) => change(spec));

const copyRunsAs = (account: string) => (world: SoundWorld) => {
  const deployment = world.manifests.find(({ kind }) => kind === 'Deployment') as Mutable;
  deployment.spec.template.spec.serviceAccountName = account;
  world.manifests.push({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account } });
};

const vmIdentity = 'cluster.local/ns/default/sa/productcatalog';
const letsInVm = security(
  'AuthorizationPolicy',
  { action: 'ALLOW', rules: [{ from: [{ source: { principals: [vmIdentity] } }] }] },
  'payments',
);

describe('notices', () => {
  it.each<Spoilt>([
    [
      'a Service that is not in every member',
      ({ clusters }) => {
        void clusters.cluster2.delete({
          apiVersion: 'v1',
          kind: 'Service',
          namespace: 'default',
          name: 'productcatalogservice',
        });
      },
      { 'mesh-service-in-every-member': /fail: cluster2 has no Service default\/productcatalogservice/ },
    ],
    [
      'a Service that selects a VM which somebody entered by hand',
      put(istio('WorkloadEntry', { address: '10.10.100.10', labels: { app: 'productcatalogservice' } })),
      { 'mesh-service-selects-the-copy': /fail: .*WorkloadEntry theirs \(10\.10\.100\.10\)/ },
    ],
    [
      'a Service with a port that would stay behind',
      service((spec) => {
        spec.ports.push({ name: 'http-admin', port: 8080, targetPort: 8080 });
      }),
      { 'mesh-service-whole': /warning: .*has port 8080 as well/ },
    ],
    [
      'a Service without the port',
      service((spec) => {
        spec.ports[0].port = 80;
      }),
      { 'mesh-service-in-every-member': /fail: .*has ports 80, not 3550/ },
    ],
    [
      'a headless Service',
      service((spec) => {
        spec.clusterIP = 'None';
      }),
      { 'mesh-service-has-an-address': /fail: .*headless/ },
    ],
    [
      'a port of which Istio reads another protocol',
      service((spec) => {
        spec.ports[0] = { name: 'main', port: 3550 };
      }),
      { 'mesh-service-protocol': /fail: port 3550 .* the name main/ },
    ],
    [
      'a Service that translates its port',
      service((spec) => {
        spec.ports[0].targetPort = 8080;
      }),
      { 'mesh-service-target-port': /fail: .*sends port 3550 to port 8080/ },
    ],
    [
      'a target port that no container has',
      service((spec) => {
        spec.ports[0].targetPort = 'main';
      }),
      { 'mesh-service-target-port': /fail: .*named main, which no container/ },
    ],
    [
      'a Service without a selector',
      service((spec) => {
        delete spec.selector;
      }),
      { 'mesh-service-selects-the-copy': /fail: .*no selector/ },
    ],
    [
      'a Service that selects the VM',
      service((spec) => {
        spec.selector = { app: 'productcatalogservice-vm' };
      }),
      { 'mesh-service-selects-the-copy': /fail: .*selects the VM.*\n.*but the pods of Deployment/ },
    ],
    [
      'a VirtualService of someone else’s',
      put(istio('VirtualService', { hosts: ['productcatalogservice'] })),
      {
        'mesh-no-other-virtualservice': new RegExp(
          `fail: VirtualService default/theirs in cluster2 is on ${host}`,
        ),
      },
    ],
    [
      'a DestinationRule for many hosts',
      put(istio('DestinationRule', { host: '*.default.svc.cluster.local' }, 'istio-system')),
      { 'mesh-no-other-destinationrule': /fail: DestinationRule istio-system\/theirs/ },
    ],
    [
      'a ServiceEntry on a side',
      put(istio('ServiceEntry', { hosts: [vmSide] })),
      {
        'mesh-no-other-serviceentry': new RegExp(
          `fail: ServiceEntry default/theirs in cluster2 is on ${vmSide}`,
        ),
      },
    ],
    [
      'a route of the Gateway API on the Service',
      put(
        istio(
          'GRPCRoute',
          { parentRefs: [{ kind: 'Service', name: 'productcatalogservice' }] },
          'default',
          'gateway.networking.k8s.io',
        ),
      ),
      {
        'mesh-no-other-route':
          /fail: GRPCRoute default\/theirs in cluster2 has Service productcatalogservice/,
      },
    ],
    [
      'an EnvoyFilter for the service',
      put(
        istio('EnvoyFilter', {
          configPatches: [{ match: { cluster: { service: host } }, patch: {} }],
        }),
      ),
      {
        'mesh-no-envoyfilter': /warning: EnvoyFilter default\/theirs in cluster2 names productcatalogservice/,
      },
    ],
    [
      'a gateway’s VirtualService that sends to the service',
      put(
        istio('VirtualService', {
          hosts: ['shop.example'],
          gateways: ['ingress'],
          http: [{ route: [{ destination: { host: 'productcatalogservice' } }] }],
        }),
      ),
      {
        'mesh-gateways-follow-the-split':
          /fail: VirtualService default\/theirs in cluster2 lets a gateway send/,
      },
    ],
    [
      'a gateway’s HTTPRoute that sends to the service',
      put(
        istio(
          'HTTPRoute',
          {
            parentRefs: [{ name: 'ingress' }],
            rules: [{ backendRefs: [{ name: 'productcatalogservice', namespace: 'default' }] }],
          },
          'web',
          'gateway.networking.k8s.io',
        ),
      ),
      { 'mesh-gateways-follow-the-split': /fail: HTTPRoute web\/theirs/ },
    ],
    [
      'a Sidecar whose egress lists the service alone',
      put(istio('Sidecar', { egress: [{ hosts: [`default/${host}`, 'istio-system/*'] }] }, 'web')),
      {
        'mesh-sidecar-egress': new RegExp(
          `fail: Sidecar web/theirs in cluster2 lists ${host} in its egress, but not ${vmSide}, .*${copySide}`,
        ),
      },
    ],
    [
      'a Sidecar whose egress lists services by their domain',
      put(istio('Sidecar', { egress: [{ hosts: ['*/*.svc.cluster.local'] }] }, 'istio-system')),
      { 'mesh-sidecar-egress': /fail: Sidecar istio-system\/theirs in cluster2 \(for every namespace\)/ },
    ],
    [
      'a mesh that exports nothing by default',
      (world) =>
        world.change('cluster1', 'ConfigMap', 'istio', (map) => {
          map.data.mesh += 'defaultVirtualServiceExportTo: ["."]\n';
        }),
      {
        'mesh-exports':
          /warning: the mesh configuration of cluster1 has defaultVirtualServiceExportTo: \["\."\]/,
      },
    ],
    [
      'a Service that is exported to some namespaces only',
      (world) =>
        world.change('cluster2', 'Service', 'productcatalogservice', ({ metadata }) => {
          metadata.annotations = { 'networking.istio.io/exportTo': 'web, shop' };
        }),
      { 'mesh-exports': /warning: Service .* is exported to web, shop alone/ },
    ],
    [
      'a policy that names only the VM’s identity',
      (world) => {
        copyRunsAs('catalog-in-k8s')(world);
        put(letsInVm)(world);
      },
      {
        'mesh-authorization-of-the-copy':
          /fail: AuthorizationPolicy payments\/theirs in cluster2 lets in the VM .*productcatalog\), but not the copy .*catalog-in-k8s\)/,
      },
    ],
    [
      'a policy that selects only the copy',
      put(
        security('AuthorizationPolicy', {
          selector: { matchLabels: { app: 'productcatalogservice' } },
          rules: [{ from: [{ source: { namespaces: ['web'] } }] }],
        }),
      ),
      { 'mesh-authorization-of-callers': /warning: .*which only the copy has/ },
    ],
    [
      'mutual TLS that is turned off for the namespace',
      put(security('PeerAuthentication', { mtls: { mode: 'DISABLE' } })),
      {
        'mesh-mutual-tls':
          /fail: PeerAuthentication default\/theirs in cluster2 turns mutual TLS off for the VM/,
      },
    ],
    [
      'mutual TLS that is turned off for the port',
      put(
        security('PeerAuthentication', {
          selector: { matchLabels: { app: 'productcatalogservice' } },
          mtls: { mode: 'STRICT' },
          portLevelMtls: { '3550': { mode: 'DISABLE' } },
        }),
      ),
      { 'mesh-mutual-tls': /^fail: .*off for the copy[^\n]*$/ },
    ],
    [
      'a gateway that has no address yet',
      (world) =>
        world.change('cluster2', 'Service', 'istio-eastwestgateway', ({ status }) => {
          status.loadBalancer = {};
        }),
      { 'mesh-gateway-address': /fail: .*its load balancer has no address yet/ },
    ],
    [
      'a gateway that lets no service’s name through',
      (world) =>
        world.change('cluster2', 'Gateway', 'cross-network-gateway', ({ spec }) => {
          spec.servers[0].tls.mode = 'PASSTHROUGH';
        }),
      { 'mesh-gateway-lets-through': /fail: no Gateway object in cluster2/ },
    ],
    [
      'a gateway of one pod',
      (world) =>
        world.change('cluster2', 'Pod', 'gateway-2', (pod) => {
          pod.status.conditions[0].status = 'False';
        }),
      { 'mesh-gateway-has-a-spare': /warning: .*has one ready pod/ },
    ],
    [
      'a gateway that nobody of another cluster gets to',
      ({ clusters }) => {
        for (const pod of ['recommendationservice-1', 'checkoutservice-1'])
          clusters.cluster1.serve(
            { namespace: 'default', pod, port: 15000 },
            '/clusters?format=json',
            clustersPage(4, 4),
          );
      },
      { 'mesh-gateway-reachable': /warning: none of 8 connections from proxies in cluster1/ },
    ],
    [
      'a gateway that nobody has tried yet',
      ({ clusters }) => {
        for (const pod of ['recommendationservice-1', 'checkoutservice-1'])
          clusters.cluster1.serve(
            { namespace: 'default', pod, port: 15000 },
            '/clusters?format=json',
            clustersPage(0, 0),
          );
      },
      { 'mesh-gateway-reachable': /unknown: no proxy in cluster1 has called anything/ },
    ],
  ])('%s', (_what, spoil, noticed) => expectNoticed(spoil, noticed));
});

it('where names are global, the way through the far gateway needs a port with a name', async () => {
  const world = new SoundWorld();
  world.spec = { topology: 'global-names' };
  world.change('cluster1', 'Service', 'productcatalogservice', ({ spec }) => {
    delete spec.ports[0].name;
  });
  expect((await world.noticed())['mesh-service-in-every-member']).toMatch(
    /fail: port 3550 .* in cluster1 has no name/,
  );
});

describe('is content with', () => {
  it.each<readonly [what: string, spoil: (world: SoundWorld) => void]>([
    [
      'our own route',
      put({
        ...istio('VirtualService', { hosts: ['productcatalogservice'] }),
        metadata: {
          name: 'ours',
          namespace: 'default',
          labels: { 'meshlift.dev/migration': 'productcatalog' },
        },
      }),
    ],
    [
      'a VirtualService of the same short name in another namespace',
      put(istio('VirtualService', { hosts: ['productcatalogservice'] }, 'other')),
    ],
    [
      'a gateway’s route to another service',
      put(
        istio('VirtualService', {
          hosts: ['*'],
          gateways: ['ingress'],
          http: [{ route: [{ destination: { host: 'frontend' } }] }],
        }),
      ),
    ],
    [
      'a Sidecar whose egress has the whole namespace',
      put(istio('Sidecar', { egress: [{ hosts: ['default/*'] }] }, 'web')),
    ],
    [
      'a Sidecar whose workloads never call the service',
      put(istio('Sidecar', { egress: [{ hosts: ['./*', 'istio-system/*'] }] }, 'web')),
    ],
    ['a Sidecar that limits inbound ports alone', put(istio('Sidecar', { ingress: [] }))],
    ['a policy that names the VM where the copy has its account', put(letsInVm)],
    [
      'a policy that names both',
      (world) => {
        copyRunsAs('catalog-in-k8s')(world);
        put(
          security(
            'AuthorizationPolicy',
            { rules: [{ from: [{ source: { principals: ['cluster.local/ns/default/*'] } }] }] },
            'payments',
          ),
        )(world);
      },
    ],
    [
      'a policy that denies the VM',
      (world) => {
        copyRunsAs('catalog-in-k8s')(world);
        put({ ...letsInVm, spec: { ...(letsInVm.spec as object), action: 'DENY' } })(world);
      },
    ],
    [
      'an EnvoyFilter for another port',
      put(istio('EnvoyFilter', { configPatches: [{ match: { listener: { portNumber: 35500 } } }] })),
    ],
    [
      'strict mutual TLS in the mesh',
      put(security('PeerAuthentication', { mtls: { mode: 'STRICT' } }, 'istio-system')),
    ],
    [
      'mutual TLS turned off for others alone',
      put(
        security('PeerAuthentication', {
          selector: { matchLabels: { app: 'legacy' } },
          mtls: { mode: 'DISABLE' },
        }),
      ),
    ],
    [
      'a target port by name',
      service((spec) => {
        spec.ports[0].targetPort = 'grpc';
      }),
    ],
  ])('%s', async (_what, spoil) => {
    const world = new SoundWorld();
    spoil(world);
    expect(await world.noticed()).toEqual({});
  });
});
