import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { migrationLabel } from '../../mesh/marks.ts';
import { istioNetworking } from '../../mesh/mesh-host.ts';
import { ownHosts, serviceHost, sideHost } from '../../mesh/names.ts';
import type { Finding } from '../check.ts';
import type { Scene } from '../scene.ts';
import { coversHost, hostInFull, namespaceOf } from './istio-hosts.ts';

interface HostFields {
  readonly hosts?: readonly string[];
  readonly host?: string;
  readonly gateways?: readonly string[];
}

const inTheWay = {
  // Only one VirtualService per host takes effect in a sidecar, so another's would fight with ours over every request.
  VirtualService: 'and Meshlift overwrites nobody’s routes',
  DestinationRule: 'and its traffic policy would end with the migration, or bend it',
  ServiceEntry: 'and its endpoints would be taken for the service’s own',
} as const;

/** Somebody else's objects on the name that clients call, or on a side's. */
export async function othersOnHost(
  scene: Scene,
  member: MemberCluster,
  kind: keyof typeof inTheWay,
): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const own = [serviceHost(migration), ...ownHosts(migration)];
  const objects = await member.kube.list({ apiVersion: istioNetworking, kind }, signal);
  return objects
    .filter((it) => it.metadata.labels?.[migrationLabel] !== migration.metadata.name)
    .flatMap((object) => {
      const host = own.find((it) => meshHosts(object).some((pattern) => coversHost(pattern, it)));
      if (host === undefined) return [];
      const { name } = object.metadata;
      const namespace = namespaceOf(object);
      return {
        why: `${kind} ${namespace}/${name} in ${member.name} is on ${host} already, ${inTheWay[kind]}`,
        next: `take the host out of it, or delete it: kubectl --context ${member.member.context} -n ${namespace} delete ${kind.toLowerCase()} ${name}`,
      };
    });
}

/** Hosts in full that sidecars apply the object to; a route that only gateways serve concerns none. */
function meshHosts(object: KubeObject): readonly string[] {
  const spec = (object.spec ?? {}) as HostFields;
  if (spec.gateways && !spec.gateways.includes('mesh')) return [];
  return (
    [...(spec.hosts ?? []), ...(spec.host ? [spec.host] : [])]
      // «*» on a VirtualService of the mesh is for hosts that no other names.
      .filter((host) => host !== '*')
      .map((host) => hostInFull(host, namespaceOf(object)))
  );
}

const gatewayApi = 'gateway.networking.k8s.io/v1';

interface RouteFields {
  readonly parentRefs?: readonly {
    readonly kind?: string;
    readonly name: string;
    readonly namespace?: string;
  }[];
  readonly rules?: readonly {
    readonly backendRefs?: readonly {
      readonly kind?: string;
      readonly name: string;
      readonly namespace?: string;
    }[];
  }[];
}

/** Routes of the Gateway API whose parent is the Service: they decide over the name as a VirtualService does. */
export async function routesOfService(
  { migration, signal }: Scene,
  member: MemberCluster,
): Promise<readonly Finding[]> {
  const { name } = migration.spec.service;
  const kinds = ['HTTPRoute', 'GRPCRoute'];
  const lists = await Promise.all(
    kinds.map((kind) => member.kube.list({ apiVersion: gatewayApi, kind }, signal)),
  );
  return lists.flat().flatMap((route) => {
    const { parentRefs = [] } = (route.spec ?? {}) as RouteFields;
    const namespace = namespaceOf(route);
    const onService = parentRefs.some(
      (parent) =>
        parent.kind === 'Service' &&
        parent.name === name &&
        (parent.namespace ?? namespace) === migration.metadata.namespace,
    );
    if (!onService) return [];
    return {
      why: `${route.kind} ${namespace}/${route.metadata.name} in ${member.name} has Service ${name} as its parent, and decides over its requests beside the split`,
      next: `delete it for the time of the migration: kubectl --context ${member.member.context} -n ${namespace} delete ${route.kind.toLowerCase()} ${route.metadata.name}`,
    };
  });
}

interface VirtualServiceFields {
  readonly gateways?: readonly string[];
  readonly http?: readonly Destinations[];
  readonly tls?: readonly Destinations[];
  readonly tcp?: readonly Destinations[];
}

interface Destinations {
  readonly route?: readonly { readonly destination?: { readonly host?: string } }[];
}

/**
 * A gateway that takes requests from outside to the service obeys its own route and never the split's, which is bound to
 * the sidecars: it would find the pods alone, before they are ready and past every step.
 */
export async function gatewaysPastTheSplit(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const host = serviceHost(migration);
  const [virtualServices, ...routes] = await Promise.all([
    member.kube.list({ apiVersion: istioNetworking, kind: 'VirtualService' }, signal),
    ...['HTTPRoute', 'GRPCRoute'].map((kind) => member.kube.list({ apiVersion: gatewayApi, kind }, signal)),
  ]);
  const ofGateways = (virtualServices ?? []).filter((it) => {
    const spec = (it.spec ?? {}) as VirtualServiceFields;
    const gateways = (spec.gateways ?? ['mesh']).filter((gateway) => gateway !== 'mesh');
    const destinations = [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])].flatMap(
      ({ route = [] }) => route.flatMap(({ destination }) => destination?.host ?? []),
    );
    return gateways.length > 0 && destinations.some((it2) => hostInFull(it2, namespaceOf(it)) === host);
  });
  const ofGatewayApi = routes.flat().filter((route) => {
    const { parentRefs = [], rules = [] } = (route.spec ?? {}) as RouteFields;
    const backends = rules.flatMap(({ backendRefs = [] }) => backendRefs);
    return (
      parentRefs.some(({ kind = 'Gateway' }) => kind === 'Gateway') &&
      backends.some(
        (it) =>
          (it.kind ?? 'Service') === 'Service' &&
          it.name === migration.spec.service.name &&
          (it.namespace ?? namespaceOf(route)) === migration.metadata.namespace,
      )
    );
  });
  return [...ofGateways, ...ofGatewayApi].map((it) => ({
    why: `${it.kind} ${namespaceOf(it)}/${it.metadata.name} in ${member.name} lets a gateway send requests to ${host} itself: the split does not reach them, and they find the copy's pods alone`,
    next: `send that route to ${sideHost(migration, 'vm')} and ${sideHost(migration, 'k8s')} with the split's weights, or to a service of the mesh that calls ${migration.spec.service.name}`,
  }));
}

/** What an EnvoyFilter changes can't be judged from here; those that may touch the callers' or the service's traffic are named. */
export async function filtersInTheWay(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const { migration, signal } = scene;
  const { name, port } = migration.spec.service;
  const filters = await member.kube.list({ apiVersion: istioNetworking, kind: 'EnvoyFilter' }, signal);
  return filters
    .filter((it) => mentions(it, [name, `${port}`]))
    .map((it) => ({
      why: `EnvoyFilter ${namespaceOf(it)}/${it.metadata.name} in ${member.name} names ${name} or its port ${port}; what it does to the name it will not do to the sides' hosts`,
      next: `see what it changes, and extend it to ${sideHost(migration, 'vm')} and ${sideHost(migration, 'k8s')}: kubectl --context ${member.member.context} -n ${namespaceOf(it)} get envoyfilter ${it.metadata.name} -o yaml`,
    }));
}

interface EnvoyFilterFields {
  readonly configPatches?: readonly { readonly match?: unknown }[];
}

function mentions(filter: KubeObject, words: readonly string[]): boolean {
  const { configPatches = [] } = (filter.spec ?? {}) as EnvoyFilterFields;
  const matches = configPatches.map(({ match }) => JSON.stringify(match ?? {}));
  return matches.some((match) =>
    words.some((word) => new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(match)),
  );
}
