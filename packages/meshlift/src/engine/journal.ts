import { until } from '../effects/clock/until.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { migrationDefinition, migrationKind } from '../mesh/migration-crd.ts';
import { type MigrationStatus, plannedStatus } from '../migration/status.ts';
import type { Migration } from '../spec/migration.ts';
import type { EngineContext } from './context.ts';

type Home = Pick<EngineContext, 'migration' | 'home' | 'clock' | 'signal'>;

/**
 * The migration's record in the home cluster: what the spec was, and how far it came. Written before and after every
 * change of the world, so that another process can go on from any point.
 */
export interface Journal {
  readonly status: MigrationStatus;
  /** changes the record; what is returned by `status` afterwards is what is stored */
  record(change: Partial<MigrationStatus>): Promise<void>;
}

/** The stored status, or the planned one when the home cluster has no record; changes nothing. */
export async function readStatus(context: Home): Promise<MigrationStatus> {
  const stored = await context.home.kube.get(recordRef(context.migration), context.signal);
  return { ...plannedStatus, ...(stored?.status as Partial<MigrationStatus> | undefined) };
}

/** Opens the record, making it (and its definition) when this is the first command that changes something. */
export async function openJournal(context: Home): Promise<Journal> {
  const { kube } = context.home;
  if (!(await kube.serves(migrationKind.apiVersion, migrationKind.kind, context.signal))) {
    await kube.apply(migrationDefinition, { signal: context.signal });
    await until(
      context.clock,
      {
        for: `${context.home.name} to serve the Migration kind`,
        deadlineMs: 20_000,
        intervalMs: 100,
        next: `kubectl --context ${context.home.member.context} describe crd ${migrationDefinition.metadata.name}`,
        signal: context.signal,
      },
      async () =>
        (await kube.serves(migrationKind.apiVersion, migrationKind.kind, context.signal))
          ? { ready: true, value: true }
          : { ready: false, why: 'it is not served yet' },
    );
  }
  await kube.apply(specRecord(context.migration), { signal: context.signal });
  let status = await readStatus(context);
  return {
    get status() {
      return status;
    },
    async record(change) {
      const next = { ...status, ...change };
      await kube.applyStatus({ ...recordHead(context.migration), status: next }, { signal: context.signal });
      status = next;
    },
  };
}

/** The spec as the engine uses it (defaults filled in), without machine-local paths of keys. */
function specRecord(migration: Migration): KubeObject {
  const { ssh: _local, ...vm } = migration.spec.vm;
  return { ...recordHead(migration), spec: { ...migration.spec, vm } };
}

function recordHead(migration: Migration): KubeObject {
  return { ...migrationKind, metadata: migration.metadata };
}

export function recordRef(migration: Migration) {
  return { ...migrationKind, ...migration.metadata };
}
