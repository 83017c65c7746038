import { until } from '../effects/clock/until.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { migrationDefinition, migrationKind } from '../mesh/migration-crd.ts';
import { sameSpec } from '../mesh/same-spec.ts';
import { type Change, type Recorder, withChange } from '../migration/change.ts';
import { type HistoryRecord, type MigrationStatus, plannedStatus } from '../migration/status.ts';
import type { Migration } from '../spec/migration.ts';
import { type EngineContext, formatOwner, type OwnedContext } from './context.ts';

type Home = Pick<EngineContext, 'migration' | 'home' | 'clock' | 'signal'>;

/**
 * The migration's record in the home cluster: what the spec was, and how far it came. Written before and after every
 * change of the world, so that another process can go on from any point.
 */
export interface Journal {
  /** what is stored, and what is noted until it can be */
  readonly status: MigrationStatus;
  /**
   * Stores a change, and all that was only noted before. What a person changed meanwhile from another terminal stays.
   * Rejects with `owned-by-another` when a later engine has recorded, and with `cluster-unreachable`.
   */
  record(change: Change): Promise<void>;
  /** For what is worth no write of its own: kept until the next one, whichever that is. */
  jot(change: Change): void;
  /** For what must not wait: stores a change if the home cluster can be reached, and keeps it until then if not. */
  note(change: Change): Promise<void>;
  /** Stores what was only noted, if the home cluster can be reached. */
  flush(): Promise<void>;
  /** Takes in what a person changed meanwhile, and stores what was only noted, if the home cluster can be reached. */
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

interface StoredRecord {
  readonly status: MigrationStatus;
  readonly resourceVersion: string | null;
}

/** The stored status with the resourceVersion that it was read at; null when the home cluster has no record. */
export async function readRecord(context: Omit<Home, 'clock'>): Promise<StoredRecord> {
  return recordIn(await context.home.kube.get(recordRef(context.migration), context.signal));
}

function recordIn(stored: KubeObject | null): StoredRecord {
  return {
    status: { ...plannedStatus, ...withoutHollows(stored?.status) },
    resourceVersion: stored?.metadata.resourceVersion ?? null,
  };
}

/** Server-side apply leaves an empty map where one was replaced by null; none of the record's own is ever empty. */
function withoutHollows(status: unknown): Partial<MigrationStatus> {
  const isHollow = (value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
  return Object.fromEntries(
    Object.entries(status ?? {}).map(([key, value]) => [key, isHollow(value) ? null : value]),
  );
}

/** Opens the record, making it (and its definition) when this is the first command that changes something. */
export async function openJournal(context: Recording): Promise<Journal> {
  const { home, migration, signal } = context;
  const wanted = specRecord(migration);
  const stored = await home.kube.get(recordRef(migration), signal);
  if (stored && sameSpec(stored.spec, wanted.spec)) return journalFrom(context, recordIn(stored));
  if (!stored) await ensureDefinition(context);
  await home.kube.apply(wanted, { signal });
  return journalFrom(context, await readRecord(context));
}

/**
 * Opens the record while the home cluster can't be reached, from what the others say: `known` is all there is to go by.
 * What is noted is stored once the home cluster can be reached again.
 */
export function openJournalAway(context: Recording, known: MigrationStatus): Journal {
  return journalFrom(context, { status: known, resourceVersion: null });
}

type Recording = Home & Pick<OwnedContext, 'by' | 'epoch'>;

function journalFrom(context: Recording, opened: StoredRecord): Journal {
  const { home, migration, signal } = context;
  let { status, resourceVersion } = opened;
  let noted: readonly { readonly change: Change; readonly recorder: Recorder }[] = [];

  function recorder(): Recorder {
    const at = new Date(context.clock.now()).toISOString();
    return { at, by: formatOwner(context), epoch: context.epoch };
  }

  /** What is stored now, and on it what was only noted. */
  async function readAgain(): Promise<void> {
    const stored = await readRecord(context);
    if (stored.status.epoch > context.epoch)
      throw ownedByLater(migration, stored.status.epoch, context.epoch);
    resourceVersion = stored.resourceVersion;
    status = noted.reduce((known, it) => withChange(known, it.change, it.recorder), stored.status);
  }

  async function record(change: Change): Promise<void> {
    if (resourceVersion === null) await readAgain();
    const now = recorder();
    for (;;) {
      const next = withChange(status, change, now);
      try {
        const stored = await home.kube.applyStatus(
          { ...recordHead(migration), status: next },
          { signal, ...(resourceVersion && { resourceVersion }) },
        );
        [status, resourceVersion, noted] = [next, stored.metadata.resourceVersion ?? null, []];
        return;
      } catch (error) {
        if (!isMeshliftError(error, 'cluster-conflict')) throw error;
        await readAgain();
      }
    }
  }

  function jot(change: Change, now = recorder()): void {
    noted = [...noted, { change, recorder: now }];
    status = withChange(status, change, now);
  }

  async function storeNoted(): Promise<void> {
    if (noted.length > 0) await record({});
  }

  return {
    get status() {
      return status;
    },
    record,
    jot: (change) => jot(change),
    async note(change) {
      const now = recorder();
      try {
        await record(change);
      } catch (error) {
        if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
        jot(change, now);
      }
    },
    flush: () => unlessAway(storeNoted),
    refresh: () =>
      unlessAway(async () => {
        await readAgain();
        await storeNoted();
      }),
  };
}

async function unlessAway(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
  }
}

function ownedByLater({ metadata }: Migration, later: number, own: number): MeshliftError {
  return new MeshliftError('owned-by-another', {
    where: `migration ${metadata.namespace}/${metadata.name}`,
    why: `another engine has taken it over (owner ${later}, after this one, ${own})`,
    next: 'let the other engine finish, then: meshlift status',
  });
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
  const vm = { ...migration.spec.vm, machines: migration.spec.vm.machines.map(({ host }) => ({ host })) };
  return { ...recordHead(migration), spec: { ...migration.spec, vm } };
}

export function recordHead(migration: Migration): KubeObject {
  return { ...migrationKind, metadata: migration.metadata };
}

export function recordRef(migration: Migration) {
  return { ...migrationKind, ...migration.metadata };
}
