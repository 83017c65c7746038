import type { KubeObject } from '../effects/kube/port.ts';
import { sides, type TrafficSplit } from '../migration/traffic-split.ts';
import { type Migration, type MigrationSpec, portsOf } from '../spec/migration.ts';
import { ownLabels } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';
import { aloneHost, generationOfRoute, routeName, serviceHost, sideHost, sideOfHost } from './names.ts';
import { sameSpec } from './same-spec.ts';

/** A request with this header goes to the side that it names, whatever the split: `x-meshlift-side: k8s`. */
export const sideHeader = 'x-meshlift-side';

/**
 * The VirtualService that sends the service's name to the two side hosts, and what carries a side's header to that
 * side alone. TCP knows no headers. With `mirrored`, the copy is sent a second one of those requests that the spec lists.
 * Istio reads routes only from the caller's own cluster, so every member cluster gets the same one.
 */
export function splitRoute(
  migration: Migration,
  split: TrafficSplit,
  generation: number,
  mirrored = false,
): KubeObject {
  const hosts = [serviceHost(migration)];
  const spec =
    migration.spec.service.protocol === 'tcp'
      ? { hosts, tcp: portsOf(migration).map(({ port }) => tcpRule(migration, split, port)) }
      : {
          hosts,
          http: portsOf(migration).flatMap(({ port }) => [
            ...sideRules(migration, generation, port),
            ...(mirrored ? mirroredRules(migration, split, generation, port) : []),
            splitRule(migration, split, generation, port),
          ]),
        };
  return {
    apiVersion: istioNetworking,
    kind: 'VirtualService',
    metadata: {
      name: splitRouteName(migration),
      namespace: migration.metadata.namespace,
      labels: ownLabels(migration),
      annotations: { 'meshlift.dev/generation': String(generation) },
    },
    spec,
  };
}

function tcpRule(migration: Migration, split: TrafficSplit, port: number): object {
  return { match: [{ port }], route: weighted(migration, split, port) };
}

function sideRules(migration: Migration, generation: number, port: number): readonly object[] {
  return sides.map((side) => ({
    name: `${routeName(generation)}-to-${side}`,
    match: [{ port, headers: { [sideHeader]: { exact: side } } }],
    route: [{ destination: { host: aloneHost(migration, side), port: { number: port } } }],
    // Whoever asks for one side wants to hear how it answers, not how it answers in the end.
    retries: { attempts: 0 },
  }));
}

function mirroredRules(
  migration: Migration,
  split: TrafficSplit,
  generation: number,
  port: number,
): readonly object[] {
  const { net, rollout } = migration.spec;
  if (!rollout.mirror) return [];
  return [
    {
      name: `${routeName(generation)}-mirrored`,
      match: rollout.mirror.methods.map((uri) => ({ port, uri: methodMatch(uri) })),
      route: weighted(migration, split, port),
      // Mirrored requests are answered into the void, by the copy alone, and belong to no side's share.
      mirrors: [
        {
          destination: { host: aloneHost(migration, 'k8s'), port: { number: port } },
          percentage: { value: rollout.mirror.percent },
        },
      ],
      retries: retries(net.retries),
    },
  ];
}

function splitRule(migration: Migration, split: TrafficSplit, generation: number, port: number): object {
  return {
    name: routeName(generation),
    match: [{ port }],
    route: weighted(migration, split, port),
    retries: retries(migration.spec.net.retries),
  };
}

function weighted(migration: Migration, split: TrafficSplit, port: number): readonly object[] {
  return sides.map((side) => ({
    destination: { host: sideHost(migration, side), port: { number: port } },
    weight: split[side],
  }));
}

/** `/pkg.Service/Method` and `/path` are whole paths; with a star at the end, beginnings of paths. */
function methodMatch(method: string): { readonly exact: string } | { readonly prefix: string } {
  return method.endsWith('*') ? { prefix: method.slice(0, -1) } : { exact: method };
}

export function splitRouteName(migration: Migration): string {
  return `meshlift-${migration.spec.service.name}`;
}

/**
 * What a member's VirtualService says; null when it is absent, or not what Meshlift would have written: with a fault,
 * a header match or other retries put in, it no longer does what its weights say.
 */
export function readSplitRoute(
  migration: Migration,
  object: KubeObject | null,
): { readonly generation: number; readonly split: TrafficSplit } | null {
  if (!object) return null;
  const spec = object.spec as { http?: RouteRule[]; tcp?: RouteRule[] } | undefined;
  const rule = spec?.http?.at(-1) ?? spec?.tcp?.[0];
  const generation = rule?.name
    ? generationOfRoute(rule.name)
    : Number(object.metadata.annotations?.['meshlift.dev/generation']);
  if (!rule || generation === null || !Number.isInteger(generation)) return null;
  const split = { vm: 0, k8s: 0 };
  for (const { destination, weight } of rule.route ?? []) {
    const side = sideOfHost(migration, destination.host);
    if (!side) return null;
    split[side] += weight ?? 0;
  }
  if (split.vm + split.k8s !== 100) return null;
  const written = splitRoute(migration, split, generation).spec;
  return sameSpec(object.spec, written) ? { generation, split } : null;
}

interface RouteRule {
  readonly name?: string;
  readonly route?: readonly { readonly destination: { readonly host: string }; readonly weight?: number }[];
}

/** Only what cannot have been processed is retried by default; everything that a healthy side would answer, on request. */
function retries(net: MigrationSpec['net']['retries']): Record<string, unknown> {
  if (net === 'off') return { attempts: 0 };
  const retryOn =
    net === 'safe'
      ? 'connect-failure,refused-stream,reset-before-request'
      : 'connect-failure,refused-stream,unavailable,cancelled,reset,503';
  return { attempts: 3, retryRemoteLocalities: true, retryOn };
}
