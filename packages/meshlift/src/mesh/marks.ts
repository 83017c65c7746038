import type { Side } from '../migration/traffic-split.ts';
import { homeOf, type Migration } from '../spec/migration.ts';

/** On every object that Meshlift makes, so that it can find, and in the end remove, exactly its own. */
export const migrationLabel = 'meshlift.dev/migration';

/**
 * On every object that Meshlift makes: the owner of the migration who wrote it last. It says nothing of what is wanted, but
 * gives each owner's write another resourceVersion than the one before, even where nothing else changes.
 */
export const epochAnnotation = 'meshlift.dev/epoch';

/**
 * On what stays in a cluster because it carries traffic after completion: the way to the pods where another cluster
 * has them. Not the label above, which is on everything that goes.
 */
export const standInLabel = 'meshlift.dev/stand-in';

/** On the VM's workload and on the pods: which side an endpoint is. Stays on the pods after completion. */
export const sideLabel = 'meshlift.dev/side';

/**
 * Marks the endpoints that a side host may hold in one member cluster. One label per cluster is needed because
 * istiod reads WorkloadEntries across clusters: without it the far gateway's stand-in would appear in the target
 * cluster too, fail there, and bend the split.
 */
export function memberLabel(cluster: string): string {
  return `in.meshlift.dev/${cluster}`;
}

export function ownLabels(migration: Migration): Record<string, string> {
  return { [migrationLabel]: migration.metadata.name };
}

/**
 * Labels of the VM's own registration: a side, and a mark for every member cluster that reads it. In a mesh of global
 * names that is the home cluster alone; the others have a stand-in of it.
 */
export function vmLabels(migration: Migration): Record<string, string> {
  const readers = migration.spec.topology === 'global-names' ? [homeOf(migration)] : migration.spec.clusters;
  return endpointLabels(
    migration,
    'vm',
    readers.map((member) => member.name),
  );
}

/** Labels of the VM's stand-in in a member cluster that does not read the home cluster's registrations. */
export function farVmLabels(migration: Migration, cluster: string): Record<string, string> {
  return endpointLabels(migration, 'vm', [cluster]);
}

/** Labels of endpoints that belong to one member cluster's side hosts: the copy's pods, or their stand-in. */
export function k8sLabels(migration: Migration, cluster: string): Record<string, string> {
  return endpointLabels(migration, 'k8s', [cluster]);
}

function endpointLabels(
  migration: Migration,
  side: Side,
  clusters: readonly string[],
): Record<string, string> {
  return {
    [sideLabel]: side,
    ...Object.fromEntries(clusters.map((cluster) => [memberLabel(cluster), migration.metadata.name])),
  };
}
