import { until } from '../effects/clock/until.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { isMeshliftError } from '../errors/error.ts';
import { migrationDefinition, migrationKind } from '../mesh/migration-crd.ts';
import { withLine } from '../migration/history.ts';
import {
  type HistoryKind,
  type HistoryRecord,
  type MigrationStatus,
  plannedStatus,
} from '../migration/status.ts';
import type { Migration } from '../spec/migration.ts';
import { type EngineContext, formatOwner } from './context.ts';

type Home = Pick<EngineContext, 'migration' | 'home' | 'clock' | 'signal'>;

/**
 * The migration's record in the home cluster: what the spec was, and how far it came. Written before and after every
 * change of the world, so that another process can go on from any point.
 */
export interface Journal {
  readonly status: MigrationStatus;
  /**
   * changes the record, with a line of history where there is something to tell; what is returned by `status`
   * afterwards is what is stored. Nothing that a person changed meanwhile from another terminal is lost.
   */
  record(change: Partial<MigrationStatus>, line?: { what: HistoryKind; message: string }): Promise<void>;
  /** takes in what a person changed meanwhile from another terminal */
  refresh(): Promise<void>;
}

/** The stored status, or the planned one when the home cluster has no record; changes nothing. */
export async function readStatus(context: Omit<Home, 'clock'>): Promise<MigrationStatus> {
  return (await readRecord(context)).status;
}

/** Who did what and when, oldest first; empty when the migration has not begun. Changes nothing. */
export async function readHistory(context: Omit<Home, 'clock'>): Promise<readonly HistoryRecord[]> {
  return (await readStatus(context)).history;
}

/** The stored status with the resourceVersion that it was read at; null when the home cluster has no record. */
export async function readRecord(
  context: Omit<Home, 'clock'>,
): Promise<{ readonly status: MigrationStatus; readonly resourceVersion: string | null }> {
  const stored = await context.home.kube.get(recordRef(context.migration), context.signal);
  return {
    status: { ...plannedStatus, ...(stored?.status as Partial<MigrationStatus> | undefined) },
    resourceVersion: stored?.metadata.resourceVersion ?? null,
  };
}

/** Opens the record, making it (and its definition) when this is the first command that changes something. */
export async function openJournal(context: Home & Pick<EngineContext, 'by'>): Promise<Journal> {
  const { kube } = context.home;
  await ensureDefinition(context);
  await kube.apply(specRecord(context.migration), { signal: context.signal });
  let { status, resourceVersion } = await readRecord(context);

  async function refresh(): Promise<void> {
    ({ status, resourceVersion } = await readRecord(context));
  }

  async function write(change: Partial<MigrationStatus>, lines: readonly HistoryRecord[]): Promise<void> {
    const next = { ...status, ...change, history: lines.reduce(withLine, status.history) };
    const stored = await kube.applyStatus(
      { ...recordHead(context.migration), status: next },
      { signal: context.signal, ...(resourceVersion && { resourceVersion }) },
    );
    status = next;
    resourceVersion = stored.metadata.resourceVersion ?? null;
  }

  return {
    get status() {
      return status;
    },
    refresh,
    async record(change, line) {
      const at = new Date(context.clock.now()).toISOString();
      const lines = line ? [{ at, by: formatOwner(context), ...line }] : [];
      for (;;) {
        try {
          return await write(change, lines);
        } catch (error) {
          if (!isMeshliftError(error, 'cluster-conflict')) throw error;
          await refresh();
        }
      }
    },
  };
}

async function ensureDefinition(context: Home): Promise<void> {
  const { kube } = context.home;
  if (await kube.serves(migrationKind.apiVersion, migrationKind.kind, context.signal)) return;
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

/** The spec as the engine uses it (defaults filled in), without machine-local paths of keys. */
function specRecord(migration: Migration): KubeObject {
  const { ssh: _local, ...vm } = migration.spec.vm;
  return { ...recordHead(migration), spec: { ...migration.spec, vm } };
}

export function recordHead(migration: Migration): KubeObject {
  return { ...migrationKind, metadata: migration.metadata };
}

export function recordRef(migration: Migration) {
  return { ...migrationKind, ...migration.metadata };
}
