import type { KubeObject } from '../effects/kube/port.ts';
import type { Side } from '../migration/traffic-split.ts';
import type { Migration } from '../spec/migration.ts';
import { sideLabel } from './marks.ts';
import { hostEntry, hostRule } from './mesh-host.ts';
import { aloneHost, sideName } from './names.ts';

/**
 * One side without its safety net, in one member cluster: only its own endpoints, none ever ejected. A net under what
 * is being tested would let the other side answer for it.
 */
export function aloneHostObjects(migration: Migration, side: Side, cluster: string): readonly KubeObject[] {
  const own = { name: `meshlift-${sideName(migration, side)}-alone`, host: aloneHost(migration, side) };
  return [hostEntry(migration, cluster, own, { [sideLabel]: side }), hostRule(migration, own, {})];
}
