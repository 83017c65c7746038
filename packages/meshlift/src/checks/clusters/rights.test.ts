import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fault, type FaultyCall, type KubeVerb, withFaults } from '../../effects/kube/faults.ts';
import type { KubeObject, ListQuery, ObjectRef, PodPort } from '../../effects/kube/port.ts';
import type { EngineContext } from '../../engine/context.ts';
import { drive } from '../../engine/engine.ts';
import { FakeWorld } from '../../engine/testdata/fake-world.ts';
import { wantedCalls } from '../../engine/traffic-watch.ts';
import { proxyCallers } from '../../metrics/proxy-callers.ts';
import { splitWithK8s } from '../../migration/traffic-split.ts';
import { allChecks } from '../all-checks.ts';
import { runChecks } from '../run-checks.ts';
import { SoundWorld } from '../testdata/sound-world.ts';
import { type Right, rights } from './rights.ts';

vi.setConfig({ testTimeout: 60_000 });

/** One question to an API server's authorizer: `patch virtualservices.networking.istio.io in default`. */
type Asked = string;

const plurals: Readonly<Record<string, string>> = {
  ServiceEntry: 'serviceentries',
  WorkloadEntry: 'workloadentries',
  AuthorizationPolicy: 'authorizationpolicies',
};

function resource({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  return `${plurals[kind] ?? `${kind.toLowerCase()}s`}${group ? `.${group}` : ''}`;
}

/** What a call of our port asks of the server, as its authorizer sees it. */
function askedBy({ verb, args }: FaultyCall): readonly Asked[] {
  const of = (verbs: readonly string[], what: string, namespace: string | undefined) =>
    verbs.map((it) => `${it} ${what} in ${namespace ?? 'all namespaces'}`);
  const object = args[0] as KubeObject;
  const ref = args[0] as ObjectRef;
  const pod = args[0] as PodPort;
  switch (verb) {
    case 'get':
    case 'delete':
      return of([verb], resource(ref), ref.namespace);
    case 'list':
      return of(['list'], resource(args[0] as ListQuery), (args[0] as ListQuery).namespace);
    case 'apply':
      // One that is new is created, and then owned as applied by a patch.
      return of(['create', 'patch'], resource(object), object.metadata.namespace);
    case 'applyStatus':
      return of(['patch'], `${resource(object)}/status`, object.metadata.namespace);
    case 'create':
      return of(['create'], resource(object), object.metadata.namespace);
    case 'replace':
      return of(['update'], resource(object), object.metadata.namespace);
    case 'createToken':
      return of(['create'], 'serviceaccounts/token', pod.namespace);
    case 'podGet':
      return of(['get'], 'pods/proxy', pod.namespace);
    case 'serviceGet':
      return of(['get'], 'services/proxy', pod.namespace);
    case 'forwardedGet':
    case 'forwardedCall':
      return of(['get', 'create'], 'pods/portforward', pod.namespace);
    case 'logs':
      return of(['get'], 'pods/log', pod.namespace);
    case 'serves':
    case 'version':
    case 'now':
    case 'may':
      return []; // open to every authenticated user (system:discovery, system:basic-user)
  }
}

/** The context with every call written down, by member. */
function watched(context: EngineContext): { context: EngineContext; asked: Map<string, Set<Asked>> } {
  const asked = new Map<string, Set<Asked>>();
  const verbs: readonly KubeVerb[] = [
    ...(['get', 'list', 'podGet', 'forwardedGet', 'forwardedCall', 'logs'] as const),
    ...(['apply', 'applyStatus', 'create', 'replace', 'delete', 'createToken'] as const),
  ];
  const members = context.members.map((member) => {
    const own = new Set<Asked>();
    asked.set(member.name, own);
    const note: Fault = (call, proceed) => {
      for (const it of askedBy(call)) own.add(it);
      return proceed();
    };
    const kube = withFaults(member.kube, Object.fromEntries(verbs.map((verb) => [verb, note])));
    const callers = proxyCallers(kube, wantedCalls(context.migration), () => context.clock.now());
    return { ...member, kube, callers };
  });
  const same = (name: string) => members.find((it) => it.name === name) ?? context.home;
  return {
    context: { ...context, members, home: same(context.home.name), target: same(context.target.name) },
    asked,
  };
}

/** What of all that was asked the listed rights of a member do not grant. */
function ungranted(asked: ReadonlyMap<string, Set<Asked>>): readonly string[] {
  const roles = { cluster1: 'home', cluster2: 'target' } as const;
  return [...asked].flatMap(([cluster, all]) => {
    const granted = [...rights.member, ...rights[roles[cluster as 'cluster1' | 'cluster2']]];
    return [...all]
      .filter((it) => !ofManifests(it) && !granted.some((right) => grants(right, it)))
      .map((it) => `${cluster}: ${it}`);
  });
}

/** What the user's own manifests are, nobody can list before. */
function ofManifests(asked: Asked): boolean {
  return /^(get|create|patch) (deployments\.apps|serviceaccounts) in default$/.test(asked);
}

function grants({ verbs, group, resource: of, subresource, where }: Right, asked: Asked): boolean {
  const name = `${of}${group ? `.${group}` : ''}${subresource ? `/${subresource}` : ''}`;
  const namespaces = {
    everywhere: [/ in .*$/],
    istio: [/ in istio-system$/],
    migration: [/ in default$/],
  }[where];
  return verbs.some(
    (verb) => asked.startsWith(`${verb} ${name} in `) && namespaces.some((it) => it.test(asked)),
  );
}

describe('the rights that are asked for', () => {
  let world: FakeWorld;
  beforeEach(() => {
    world = new FakeWorld();
  });
  afterEach(() => world.stop());

  it('are enough for a whole migration, with a way back and forth', async () => {
    const { context, asked } = watched(world.engine());
    await drive(context, { do: 'join' });
    await drive(context, { do: 'deploy' });
    await drive(context, { do: 'shift', split: splitWithK8s(20) });
    await drive(context, { do: 'rollback' });
    const { status } = await drive(context, { do: 'run', until: 'Retired' });
    expect(status.phase).toBe('Retired');
    expect([...(asked.get('cluster1') ?? [])]).toContain('create serviceaccounts/token in default');
    expect(ungranted(asked)).toEqual([]);
  });

  it('are enough to take out what somebody put in beside what Meshlift wrote', async () => {
    const { context, asked } = watched(world.engine());
    await drive(context, { do: 'join' });
    await drive(context, { do: 'deploy' });
    for (const kind of ['VirtualService', 'DestinationRule', 'ServiceEntry']) {
      const written = world.object('cluster2', kind) as KubeObject & { readonly spec: object };
      world.clusters.cluster2.put({ ...written, spec: { ...written.spec, exportTo: ['.'] } });
    }
    await drive(context, { do: 'shift', split: splitWithK8s(20) });
    expect(JSON.stringify(world.clusters.cluster2.objects())).not.toContain('exportTo');
    expect([...(asked.get('cluster2') ?? [])].filter((it) => it.startsWith('update '))).toEqual(
      expect.arrayContaining(['update virtualservices.networking.istio.io in default']),
    );
    expect(ungranted(asked)).toEqual([]);
  });

  it('are enough for every check', async () => {
    const sound = new SoundWorld();
    const { context, asked } = watched(sound.context());
    await runChecks(context, allChecks);
    expect([...(asked.get('cluster2') ?? [])]).toContain(
      'list sidecars.networking.istio.io in all namespaces',
    );
    expect(ungranted(asked)).toEqual([]);
  });
});
