import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { migrationKind } from '../mesh/migration-crd.ts';
import type { Predecessor } from '../migration/observation.ts';
import type { Phase } from '../migration/phase.ts';
import { findCycle } from '../migration/waves.ts';
import type { Migration, MigrationSpec } from '../spec/migration.ts';
import type { EngineContext } from './context.ts';

type Looking = Pick<EngineContext, 'migration' | 'home' | 'signal'>;

/** How far the migrations are that this one comes after; one that can't be read counts as not begun. */
export async function readPredecessors(context: Looking): Promise<readonly Predecessor[]> {
  const { migration } = context;
  return Promise.all(
    migration.spec.after.map(async (it) => {
      const ref = { namespace: it.namespace ?? migration.metadata.namespace, name: it.name };
      const stored = await readOther(context, ref);
      return { migration: format(ref), wanted: it.phase, phase: stored?.phase ?? null };
    }),
  );
}

/** Rejects with `bad-input` when this migration, by way of others in the home cluster, comes after itself. */
export async function refuseCycle(context: Looking): Promise<void> {
  const own = { namespace: context.migration.metadata.namespace, name: context.migration.metadata.name };
  const after = new Map<string, readonly string[]>();
  const follow = async (ref: Ref, spec: MigrationSpec['after']): Promise<void> => {
    const next = spec.map((it) => ({ namespace: it.namespace ?? ref.namespace, name: it.name }));
    after.set(format(ref), next.map(format));
    for (const other of next.filter((it) => !after.has(format(it)))) {
      await follow(other, (await readOther(context, other))?.after ?? []);
    }
  };
  await follow(own, context.migration.spec.after);
  const cycle = findCycle(format(own), after);
  if (!cycle) return;
  throw new MeshliftError('bad-input', {
    where: `spec.after of migration ${format(own)}`,
    why: `each of these would wait for the next, and none would begin: ${cycle.join(' → ')}`,
    next: 'take one of them out of the circle',
  });
}

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

async function readOther(
  { home, signal }: Looking,
  ref: Ref,
): Promise<{ readonly phase: Phase | null; readonly after: MigrationSpec['after'] } | null> {
  try {
    const stored = await home.kube.get({ ...migrationKind, ...ref }, signal);
    if (!stored) return null;
    const { spec, status } = stored as { spec?: Partial<Migration['spec']>; status?: { phase?: Phase } };
    return { phase: status?.phase ?? null, after: spec?.after ?? [] };
  } catch (error) {
    if (isMeshliftError(error, 'cluster-unreachable')) return null;
    throw error;
  }
}

function format({ namespace, name }: Ref): string {
  return `${namespace}/${name}`;
}
