import type { KubeObject, ObjectRef } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';

/** How long an engine that stopped renewing keeps its hold. */
export const leaseMs = 15_000;
export const renewEveryMs = 5_000;

/** What a migration's Lease in one member cluster says. */
export interface LeaseSeen {
  /** null once it was given up */
  readonly holder: string | null;
  /** counts the owners of the migration; the higher one is the later one */
  readonly epoch: number;
  /** since when its holder has it; RFC 3339 */
  readonly since: string;
  /** when the hold ends unless it is renewed, ms since the epoch by the holder's clock */
  readonly expires: number;
  readonly object: KubeObject;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export function leaseRef(migration: Migration): ObjectRef {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    namespace: migration.metadata.namespace,
    name: `meshlift-${migration.metadata.name}`,
  };
}

export function readLease(object: KubeObject): LeaseSeen {
  const spec = (object.spec ?? {}) as LeaseSpec;
  const duration = spec.leaseDurationSeconds ? spec.leaseDurationSeconds * 1_000 : leaseMs;
  return {
    holder: spec.holderIdentity || null,
    epoch: spec.leaseTransitions ?? 0,
    since: spec.acquireTime ?? spec.renewTime ?? '',
    expires: (Date.parse(spec.renewTime ?? '') || 0) + duration,
    object,
  };
}

/** A Lease as its holder writes it: since when it has it, and that it still wants it now. */
export function heldLease(
  migration: Migration,
  held: { readonly holder: string; readonly epoch: number; readonly since: number; readonly now: number },
): KubeObject {
  return leaseObject(migration, {
    holderIdentity: held.holder,
    leaseDurationSeconds: leaseMs / 1_000,
    acquireTime: microTime(held.since),
    renewTime: microTime(held.now),
    leaseTransitions: held.epoch,
  });
}

/** A Lease without a holder; it goes on counting, so that an engine of before is known to be one. */
export function freeLease(migration: Migration, epoch: number): KubeObject {
  return leaseObject(migration, { leaseTransitions: epoch });
}

function leaseObject(migration: Migration, spec: LeaseSpec): KubeObject {
  const { apiVersion, kind, name, namespace } = leaseRef(migration);
  return { apiVersion, kind, metadata: { name, ...(namespace && { namespace }) }, spec };
}

/** RFC 3339 with the six decimals that Lease times have. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
