import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { FakeWorld } from '../engine/testdata/fake-world.ts';
import { isMeshliftError } from '../errors/error.ts';
import { type Istioctl, installMesh, planMeshInstall } from './install-mesh.ts';

const pem = (name: string) => readFileSync(new URL(`../checks/testdata/${name}`, import.meta.url), 'utf8');

function object(kind: string, name: string, rest: object = {}, namespace = 'istio-system'): KubeObject {
  const apiVersion = kind === 'Gateway' ? 'networking.istio.io/v1' : 'v1';
  return { apiVersion, kind, metadata: { name, namespace }, ...rest };
}

/** A cluster that is in the mesh already, but for what is left out. */
function member(name: string, without: readonly string[] = []): KubeObject[] {
  const values = { global: { meshID: 'shop', network: `${name}-net`, multiCluster: { clusterName: name } } };
  const other = name === 'cluster1' ? 'cluster2' : 'cluster1';
  const all: Record<string, KubeObject> = {
    istiod: {
      ...object('Pod', 'istiod-1', { spec: { containers: [{ image: 'istio/pilot:1.31.2' }] } }),
      metadata: { name: 'istiod-1', namespace: 'istio-system', labels: { app: 'istiod' } },
    },
    injector: object('ConfigMap', 'istio-sidecar-injector', { data: { values: JSON.stringify(values) } }),
    root: object(
      'ConfigMap',
      'istio-ca-root-cert',
      { data: { 'root-cert.pem': pem('root.pem') } },
      'default',
    ),
    gateway: object('Service', 'istio-eastwestgateway'),
    cross: object('Gateway', 'cross-network-gateway'),
    exposed: object('Gateway', 'istiod-gateway'),
    secret: {
      ...object('Secret', `istio-remote-secret-${other}`, { data: { [other]: 'a2V5' } }),
      metadata: {
        name: `istio-remote-secret-${other}`,
        namespace: 'istio-system',
        labels: { 'istio/multiCluster': 'true' },
      },
    },
  };
  return Object.entries(all).flatMap(([key, it]) => (without.includes(key) ? [] : [it]));
}

function mesh(one: readonly KubeObject[], two: readonly KubeObject[]) {
  const world = new FakeWorld();
  world.stop();
  const context = world.engine();
  const clusters = [new FakeCluster('cluster1', one), new FakeCluster('cluster2', two)] as const;
  const installed: string[] = [];
  const istioctl: Istioctl = {
    version: async () => '1.31.0',
    install: async ({ name }, { metadata }) => void installed.push(`${metadata.name} into ${name}`),
    remoteSecret: async (_, name) =>
      object('Secret', `istio-remote-secret-${name}`, { data: { [name]: 'bmV3' } }),
  };
  const members = context.members.map((it, at) => ({ ...it, kube: clusters[at] ?? it.kube }));
  return { clusters, installed, istioctl, context: { ...context, members } };
}

const bare = [
  object('Secret', 'cacerts', { data: { 'root-cert.pem': Buffer.from(pem('root.pem')).toString('base64') } }),
];

describe('installing the mesh', () => {
  it('has nothing to do where the members are one mesh', async () => {
    const { context, istioctl } = mesh(member('cluster1'), member('cluster2'));
    expect(await planMeshInstall(context, istioctl)).toEqual([]);
  });

  it('joins a cluster without Istio: its place, istiod, gateway, what it lets through, and secrets both ways', async () => {
    const { clusters, context, installed, istioctl } = mesh(member('cluster1', ['secret']), bare);
    const steps = await planMeshInstall(context, istioctl);
    expect(steps.map(({ cluster, do: act }) => `${cluster} ${act}`)).toEqual([
      'cluster2 apply',
      'cluster2 install',
      'cluster2 install',
      'cluster2 apply',
      'cluster1 remote-secret',
      'cluster2 remote-secret',
    ]);
    expect(JSON.stringify(steps)).toContain('"meshID":"shop","multiCluster":{"clusterName":"cluster2"}');

    await installMesh(context, istioctl, steps, () => undefined);
    expect(installed).toEqual(['istiod into cluster2', 'eastwest into cluster2']);
    const names = (at: 0 | 1) =>
      clusters[at].objects().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names(0)).toContain('Secret istio-remote-secret-cluster2');
    expect(names(1)).toEqual(
      expect.arrayContaining([
        'Secret istio-remote-secret-cluster1',
        'Gateway cross-network-gateway',
        'Gateway istiod-gateway',
        'VirtualService istiod-vs',
      ]),
    );
  });

  it('adds only a secret that is missing, under the name that the mesh has for the other cluster', async () => {
    const { context, istioctl } = mesh(member('cluster1'), member('cluster2', ['secret']));
    expect(await planMeshInstall(context, istioctl)).toMatchObject([
      { cluster: 'cluster2', do: 'remote-secret', of: 'cluster1', name: 'cluster1' },
    ]);
  });

  it.each([
    [
      'a cluster whose istiod would make a root of its own',
      member('cluster1', ['secret']),
      [],
      'no Secret cacerts',
    ],
    [
      'clusters of different roots',
      member('cluster1'),
      [
        ...member('cluster2', ['root']),
        object(
          'ConfigMap',
          'istio-ca-root-cert',
          { data: { 'root-cert.pem': pem('other-root.pem') } },
          'default',
        ),
      ],
      'another root',
    ],
    [
      'an Istio without a place in a mesh',
      member('cluster1', ['injector']),
      member('cluster2'),
      'without a cluster name',
    ],
  ] as const)('refuses %s, with what to do', async (_, one, two, why) => {
    const { clusters, context, istioctl } = mesh(one, two);
    const before = JSON.stringify(clusters.map((it) => it.objects()));
    const error = await planMeshInstall(context, istioctl).catch((it: unknown) => it);
    expect(isMeshliftError(error, 'mesh-out-of-scope') && error.why).toContain(why);
    expect(JSON.stringify(clusters.map((it) => it.objects()))).toBe(before);
  });

  it('refuses an istioctl of another release than the mesh', async () => {
    const { context, istioctl } = mesh(member('cluster1', ['secret']), bare);
    const error = await planMeshInstall(context, { ...istioctl, version: async () => '1.29.0' }).catch(
      (it: unknown) => it,
    );
    expect(isMeshliftError(error, 'mesh-out-of-scope') && error.why).toContain('installs 1.29.0');
  });
});
