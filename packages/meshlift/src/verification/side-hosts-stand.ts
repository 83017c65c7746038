import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isAsWritten } from '../mesh/as-written.ts';
import { farVmObjects } from '../mesh/far-vm.ts';
import { migrationLabel } from '../mesh/marks.ts';
import { istioNetworking } from '../mesh/mesh-host.ts';
import { sideHostObjects } from '../mesh/side-host.ts';
import { sides } from '../migration/traffic-split.ts';

/**
 * What is not as we write it of the hosts that a member's routes lead to; null when all of it is. Whether they are to
 * have the copy, the next write decides: unless that is said, either was written by us. `further`: names of WorkloadEntries
 * that have to be there besides.
 */
export async function sideHostDamage(
  { migration, signal }: EngineContext,
  { kube, name }: MemberCluster,
  copies: readonly ('absent' | 'present')[] = ['absent', 'present'],
  further: readonly string[] = [],
): Promise<string | null> {
  const { namespace } = migration.metadata;
  const labelSelector = `${migrationLabel}=${migration.metadata.name}`;
  const live = await Promise.all(
    ['ServiceEntry', 'DestinationRule', 'WorkloadEntry'].map((kind) =>
      kube.list({ apiVersion: istioNetworking, kind, namespace, labelSelector }, signal),
    ),
  );
  const keyed = new Map(live.flat().map((object) => [keyOf(object), object]));
  const wanted = copies.map((copy) => [
    ...sides.flatMap((side) => sideHostObjects(migration, side, name, copy)),
    ...farVmObjects(migration, name),
  ]);
  for (const [i, written] of (wanted[0] ?? []).entries()) {
    const found = keyed.get(keyOf(written));
    const named = `${written.kind} ${written.metadata.name}`;
    if (!found) return `${named} was deleted`;
    if (!wanted.some((objects) => isAsWritten(found.spec, objects[i]?.spec))) return `${named} was changed`;
  }
  const gone = further.find((it) => !keyed.has(`WorkloadEntry ${it}`));
  return gone === undefined ? null : `WorkloadEntry ${gone} was deleted`;
}

function keyOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}
