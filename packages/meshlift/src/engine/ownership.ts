import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { KubeObject, ObjectRef } from '../effects/kube/port.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import type { Migration } from '../spec/migration.ts';
import type { EngineContext } from './context.ts';
import { tell } from './context.ts';

const leaseSeconds = 15;
const renewEveryMs = 5_000;

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly renewTime?: string;
}

/**
 * Runs `work` while holding the migration's Lease in the home cluster, so that two engines never drive one migration.
 * Rejects with `owned-by-another` while somebody else renews it; takes it over once it has expired. `work`'s signal
 * aborts when the Lease is lost.
 */
export async function whileOwning<T>(
  context: EngineContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const holder = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  const lost = new AbortController();
  await acquire(context, holder);
  const renewal = setInterval(() => {
    write(context, holder).catch((error: unknown) => {
      if (isMeshliftError(error, 'cluster-unreachable')) return;
      lost.abort(error);
    });
  }, renewEveryMs);
  try {
    return await work(AbortSignal.any([context.signal, lost.signal]));
  } finally {
    clearInterval(renewal);
    await release(context, holder);
  }
}

export function leaseRef(migration: Migration): ObjectRef {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    namespace: migration.metadata.namespace,
    name: `meshlift-${migration.metadata.name}`,
  };
}

/** Who drives the migration at this moment; null when nobody does. */
export async function currentOwner(
  context: Pick<EngineContext, 'clock' | 'home' | 'migration' | 'signal'>,
): Promise<string | null> {
  const lease = await context.home.kube.get(leaseRef(context.migration), context.signal);
  const {
    holderIdentity = '',
    leaseDurationSeconds = leaseSeconds,
    renewTime = '',
  } = (lease?.spec ?? {}) as LeaseSpec;
  const held = Date.parse(renewTime) + leaseDurationSeconds * 1_000 > context.clock.now();
  return holderIdentity !== '' && held ? holderIdentity : null;
}

async function acquire(context: EngineContext, holder: string): Promise<void> {
  const { kube } = context.home;
  const existing = await kube.get(leaseRef(context.migration), context.signal);
  if (!existing) {
    await kube.create(lease(context, holder), { signal: context.signal });
    return;
  }
  const spec = existing.spec as LeaseSpec;
  const expires = Date.parse(spec.renewTime ?? '') + (spec.leaseDurationSeconds ?? leaseSeconds) * 1_000;
  if (spec.holderIdentity && expires > context.clock.now()) {
    const seconds = Math.ceil((expires - context.clock.now()) / 1_000);
    throw new MeshliftError('owned-by-another', {
      where: `migration ${context.migration.metadata.namespace}/${context.migration.metadata.name}`,
      why: `${spec.holderIdentity} is driving it`,
      next: `wait for it, or stop it; if it has died, its hold ends in ${seconds} s`,
    });
  }
  if (spec.holderIdentity)
    tell(context, 'owner', 'warning', `taking over from ${spec.holderIdentity}, which stopped renewing`);
  const version = existing.metadata.resourceVersion;
  await kube.replace(
    { ...lease(context, holder), metadata: existing.metadata },
    { signal: context.signal, ...(version && { resourceVersion: version }) },
  );
}

async function write(context: EngineContext, holder: string): Promise<void> {
  const existing = await context.home.kube.get(leaseRef(context.migration));
  if (existing && (existing.spec as LeaseSpec).holderIdentity === holder) {
    await context.home.kube.replace({ ...lease(context, holder), metadata: existing.metadata });
    return;
  }
  throw new MeshliftError('owned-by-another', {
    where: `migration ${context.migration.metadata.namespace}/${context.migration.metadata.name}`,
    why: 'its Lease was taken over',
    next: 'let the other engine finish, then: meshlift status',
  });
}

/** Giving up the Lease is a courtesy (it expires by itself), so an unreachable cluster does not hide the work's result. */
async function release(context: EngineContext, holder: string): Promise<void> {
  try {
    const existing = await context.home.kube.get(leaseRef(context.migration));
    if (!existing || (existing.spec as LeaseSpec).holderIdentity !== holder) return;
    await context.home.kube.delete(leaseRef(context.migration));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    tell(
      context,
      'owner',
      'warning',
      `the Lease could not be given up and will expire in ${leaseSeconds} s: ${why}`,
    );
  }
}

function lease(context: EngineContext, holder: string): KubeObject {
  const now = new Date(context.clock.now()).toISOString().replace(/Z$/, '000Z');
  const { name, ...ref } = leaseRef(context.migration);
  return {
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: { name, namespace: context.migration.metadata.namespace },
    spec: { holderIdentity: holder, leaseDurationSeconds: leaseSeconds, acquireTime: now, renewTime: now },
  };
}
