import { type Side, sides } from '../migration/traffic-split.ts';
import type { Migration } from '../spec/migration.ts';

/** The name that clients call, in full. */
export function serviceHost(migration: Migration): string {
  return `${migration.spec.service.name}.${migration.metadata.namespace}.svc.cluster.local`;
}

/**
 * The mesh's name for one side. It has a domain of its own, `side`, because a Service of the same name, seen through
 * a remote secret, would win over the ServiceEntry. In a mesh of global names there is no such Service, and the copy,
 * which other clusters reach through its cluster's gateway, is called `global` as everything there that is so reached.
 */
export function sideHost(migration: Migration, side: Side): string {
  const domain = side === 'k8s' && migration.spec.topology === 'global-names' ? 'global' : 'side';
  return `${sideName(migration, side)}.${migration.metadata.namespace}.${domain}`;
}

/** Name of the objects that make up one side. */
export function sideName(migration: Migration, side: Side): string {
  const suffix = side === 'vm' ? 'vm' : migration.spec.workload.suffix;
  return `${migration.spec.service.name}-${suffix}`;
}

/**
 * The mesh's name for one side without its safety net: whoever asks it hears that side or nobody. Probes, testers and
 * mirrored requests go there, so that none of them is counted in the split.
 */
export function aloneHost(migration: Migration, side: Side): string {
  return `${sideName(migration, side)}.${migration.metadata.namespace}.alone`;
}

/** Every host that Meshlift makes, as long as the migration's routes stand. */
export function ownHosts(migration: Migration): ReadonlySet<string> {
  return new Set(sides.flatMap((side) => [sideHost(migration, side), aloneHost(migration, side)]));
}

/** Which side a host stands for in the split; null for any other host. */
export function sideOfHost(migration: Migration, host: string): Side | null {
  if (host === sideHost(migration, 'vm')) return 'vm';
  if (host === sideHost(migration, 'k8s')) return 'k8s';
  return null;
}

/**
 * Prefix of the names of the routes of one write. The generation makes every write's routes distinguishable in a
 * proxy's configuration, and makes istiod push even when the weights are the same as before.
 */
export function routeName(generation: number): string {
  return `meshlift-${generation}`;
}

export function generationOfRoute(name: string): number | null {
  const match = /^meshlift-(\d+)$/.exec(name);
  return match ? Number(match[1]) : null;
}
