import { describe, expect, it } from 'vitest';
import type { KubeObject, ObjectRef } from '../effects/kube/port.ts';
import { expectNoticed, type Spoil, type Spoilt } from './testdata/notices.ts';
import { type Mutable, pod, SoundWorld, socketRow } from './testdata/sound-world.ts';

const inTarget =
  (kind: string, apiVersion: string, fields: object, metadata: object = {}): Spoil =>
  ({ clusters }) =>
    void clusters.cluster2.put({
      apiVersion,
      kind,
      metadata: { name: 'theirs', namespace: 'default', ...metadata },
      ...fields,
    } as KubeObject);

const deployment = (change: (spec: Mutable) => void) => (world: SoundWorld) =>
  change((world.manifests.find(({ kind }) => kind === 'Deployment') as Mutable).spec);

const container = (change: (container: Mutable) => void) =>
  deployment((spec) => change(spec.template.spec.containers[0]));

const vm =
  (sections: Record<string, string>) =>
  ({ vm: all }: SoundWorld) =>
    void Object.assign(all, sections);

const more = (section: string, line: string) => (world: SoundWorld) => {
  world.vm[section] += `\n${line}`;
};

const all =
  (...spoils: readonly Spoil[]): Spoil =>
  (world) => {
    for (const spoil of spoils) spoil(world);
  };

const ownSocket = more('sockets', 'socket:[5000]');
const labels = { app: 'productcatalogservice' };

describe('notices', () => {
  it.each<Spoilt>([
    [
      'manifests without pods',
      (world) => {
        world.manifests = world.manifests.filter(({ kind }) => kind !== 'Deployment');
      },
      { 'workload-has-pods': /fail: .*hold ServiceAccount productcatalog/, 'workload-environment': /PORT/ },
    ],
    [
      'a manifest that the target refuses',
      (world) => world.forbid('cluster2', 'apply'),
      { 'workload-applies': /unknown: apply in cluster2/ },
    ],
    [
      'a manifest whose kind may be applied and not be read',
      (world) => world.forbid('cluster2', 'get', ([ref]) => (ref as ObjectRef).kind === 'ServiceAccount'),
      {
        'workload-applies': /unknown: get in cluster2/,
        'workload-takes-nothing-over': /unknown: get in cluster2/,
      },
    ],
    [
      'a namespace without sidecars',
      (world) =>
        world.change('cluster2', 'Namespace', 'default', ({ metadata }) => {
          metadata.labels = {};
        }),
      { 'workload-injected': /fail: namespace default in cluster2 has neither/ },
    ],
    [
      'a Secret that is not there',
      container((it) => {
        it.envFrom = [{ secretRef: { name: 'db' } }];
      }),
      { 'workload-references': /warning: Deployment productcatalogservice needs Secret default\/db/ },
    ],
    [
      'a volume whose ConfigMap is not there',
      deployment((spec) => {
        spec.template.spec.volumes = [{ name: 'products', configMap: { name: 'products' } }];
      }),
      { 'workload-references': /warning: .*ConfigMap default\/products/ },
    ],
    [
      'a Secret that may not be read',
      all(
        container((it) => {
          it.env.push({ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } });
        }),
        (world) => world.forbid('cluster2', 'get', ([ref]) => (ref as { kind: string }).kind === 'Secret'),
      ),
      { 'workload-references': /unknown: get in cluster2/ },
    ],
    [
      'a Deployment of the same name that somebody else keeps',
      inTarget(
        'Deployment',
        'apps/v1',
        { spec: {} },
        { name: 'productcatalogservice', managedFields: [{ manager: 'argocd' }] },
      ),
      {
        'workload-takes-nothing-over':
          /warning: Deployment default\/productcatalogservice is in cluster2 already, kept by argocd/,
      },
    ],
    [
      'pods of somebody else’s behind the Service',
      ({ clusters }) => void clusters.cluster1.put(pod('old-catalog-1', 'default', { labels })),
      {
        'workload-alone-behind-the-service': /warning: old-catalog-1 in cluster1 has the labels/,
        'traffic-metrics-readable': /old-catalog-1/,
      },
    ],
    [
      'pods that don’t tell when they are ready',
      container((it) => {
        delete it.readinessProbe;
      }),
      { 'workload-says-when-ready': /warning/ },
    ],
    [
      'a copy of one pod',
      deployment((spec) => {
        delete spec.replicas;
      }),
      { 'workload-has-a-spare': /warning: Deployment productcatalogservice has 1 pod \(spec.replicas\)/ },
    ],
    [
      'an autoscaler that goes down to one pod',
      inTarget('HorizontalPodAutoscaler', 'autoscaling/v2', {
        spec: { minReplicas: 1, scaleTargetRef: { kind: 'Deployment', name: 'productcatalogservice' } },
      }),
      { 'workload-has-a-spare': /warning: .*HorizontalPodAutoscaler theirs/ },
    ],
    [
      'a budget that lets no pod go',
      inTarget('PodDisruptionBudget', 'policy/v1', {
        spec: { selector: { matchLabels: labels }, minAvailable: '100%' },
      }),
      { 'workload-disruption-budget': /warning: PodDisruptionBudget theirs keeps all 2 pods/ },
    ],
    [
      'a quota without room',
      inTarget('ResourceQuota', 'v1', {
        status: { hard: { 'requests.cpu': '1', pods: '10' }, used: { 'requests.cpu': '900m', pods: '3' } },
      }),
      {
        'workload-quota':
          /fail: ResourceQuota default\/theirs in cluster2 has 0.1 cores of requests.cpu left, .* needs 0.2 cores/,
      },
    ],
    [
      'a quota that the sidecars use up',
      all(inTarget('ResourceQuota', 'v1', { status: { hard: { 'requests.memory': '200Mi' } } }), (world) =>
        world.change('cluster2', 'ConfigMap', 'istio-sidecar-injector', ({ data }) => {
          const values = JSON.parse(data.values);
          values.global.proxy = { resources: { requests: { memory: '128Mi' } } };
          data.values = JSON.stringify(values);
        }),
      ),
      { 'workload-quota': /fail: .* has 200 MiB of requests.memory left, .* needs 384 MiB/ },
    ],
    [
      'a quota that demands limits',
      all(
        container((it) => {
          it.resources = {};
        }),
        inTarget('ResourceQuota', 'v1', { status: { hard: { 'limits.cpu': '100' } } }),
      ),
      {
        'workload-quota': /fail: .*bounds limits.cpu, so it refuses pods that name none/,
        'workload-capacity': /./,
      },
    ],
    [
      'a limit range that the copy exceeds',
      inTarget('LimitRange', 'v1', { spec: { limits: [{ type: 'Container', max: { memory: '128Mi' } }] } }),
      { 'workload-limit-range': /fail: LimitRange .* at most 128 MiB .* limit of 256 MiB/ },
    ],
    [
      'a copy with less memory than the service uses',
      vm({ memory: 'VmRSS:\t 204800 kB\nVmRSS:\t 204800 kB' }),
      {
        'workload-capacity':
          /warning: a pod of Deployment productcatalogservice may use 256 MiB .* 400 MiB on the VM/,
      },
    ],
    [
      'a copy that may use less CPU than the service uses',
      vm({ cpu: '100\n1000.00\n S 1 1 1 0 -1 1 9 0 0 0 150000 50000 0 0 20 0 7 0 50000 1 1' }),
      {
        'workload-capacity':
          /warning: .* may use 2 cores in all \(2 pods, spec.replicas\), and the service uses 4 cores/,
      },
    ],
    [
      'variables that the manifests lack',
      more('environment', 'DB_HOST'),
      { 'workload-environment': /warning: the service has DB_HOST in its environment/ },
    ],
    [
      'a file that the service writes',
      more('files', 'l-wx------ /var/lib/catalog/orders.db'),
      { 'workload-files': /warning: the service writes to \/var\/lib\/catalog\/orders.db/ },
    ],
    [
      'a file that its command line names',
      more('arguments', '/etc/catalog/products.json'),
      { 'workload-files': /warning: the service reads \/etc\/catalog\/products.json/ },
    ],
    [
      'a neighbour on the VM that the service calls',
      all(ownSocket, more('connections', socketRow('127.0.0.1:50000', '127.0.0.1:6379', 5000))),
      { 'workload-local-calls': /warning: the service talks to port 6379 of the VM itself/ },
    ],
    [
      'a second port',
      all(
        ownSocket,
        more('connections', '   2: 00000000:2382 00000000:0000 0A 0:0 00:0 0   999        0 5000 1'),
      ),
      { 'workload-other-ports': /warning: the service also listens on port 9090/ },
    ],
  ])('%s', (_what, spoil, noticed) => expectNoticed(spoil, noticed));
});

describe('is content with', () => {
  it.each<readonly [what: string, spoil: Spoil]>([
    [
      'a reference that is optional',
      container((it) => {
        it.envFrom = [{ configMapRef: { name: 'settings', optional: true } }];
      }),
    ],
    [
      'a Secret that is there, and its variables',
      all(
        container((it) => {
          it.envFrom = [{ secretRef: { name: 'theirs' } }];
        }),
        inTarget('Secret', 'v1', { data: { DB_PASSWORD: 'eA==' } }),
        more('environment', 'DB_PASSWORD'),
      ),
    ],
    [
      'a file for which the copy has a volume',
      all(
        more('files', 'l-wx------ /var/lib/catalog/orders.db'),
        container((it) => {
          it.volumeMounts = [{ name: 'data', mountPath: '/var/lib/catalog' }];
        }),
      ),
    ],
    [
      'a Deployment that Meshlift deployed',
      inTarget(
        'Deployment',
        'apps/v1',
        { spec: {} },
        {
          name: 'productcatalogservice',
          managedFields: [{ manager: 'meshlift' }, { manager: 'kubectl-rollout' }],
        },
      ),
    ],
    [
      'the copy’s own pods',
      ({ clusters }) =>
        void clusters.cluster2.put({
          ...pod('catalog-1', 'default', { labels: { ...labels, 'meshlift.dev/side': 'k8s' } }),
          status: { phase: 'Pending' },
        }),
    ],
    [
      'a quota that has room',
      inTarget('ResourceQuota', 'v1', { status: { hard: { 'requests.cpu': '1', 'count/services': '1' } } }),
    ],
    [
      'an autoscaler for something else',
      inTarget('HorizontalPodAutoscaler', 'autoscaling/v2', {
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'other' } },
      }),
    ],
    [
      'a budget that lets one pod go',
      inTarget('PodDisruptionBudget', 'policy/v1', {
        spec: { selector: { matchLabels: labels }, maxUnavailable: 1 },
      }),
    ],
    [
      'a connection to another machine',
      all(ownSocket, more('connections', socketRow('10.10.100.10:50000', '10.0.0.5:5432', 5000))),
    ],
  ])('%s', async (_what, spoil) => {
    const world = new SoundWorld();
    spoil(world);
    expect(await world.noticed()).toEqual({});
  });
});
