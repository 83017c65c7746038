import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { withLine } from '../migration/history.ts';
import type { HistoryRecord, MigrationStatus, Pause } from '../migration/status.ts';
import { type EngineContext, formatOwner } from './context.ts';
import { readRecord, recordHead } from './journal.ts';

type PauseContext = Pick<EngineContext, 'migration' | 'home' | 'clock' | 'signal' | 'by'>;

/** Two people at most want to change it at once, beside an engine that records every second. */
const attempts = 20;

/**
 * Pauses a migration from any terminal, without its Lease: the engine that drives it, now or later, takes no step
 * forward from its next look on (at most `rollout.gate.interval` later) until somebody resumes it. A failed gate still
 * goes back, a dead VM still goes forward, a changed route is still mended, and a rollback is always possible. Answers
 * the pause in force; one that is there already is kept. Rejects with `wrong-phase` when there is nothing to pause.
 */
export async function pause(context: PauseContext, reason: string | null = null): Promise<Pause> {
  const by = formatOwner(context);
  const wish: Pause = { at: timestamp(context), by, reason };
  const status = await change(context, (stored) => {
    if (stored.paused) return null;
    const message = `paused${reason ? `: ${reason}` : ''}`;
    return { paused: wish, history: withLine(stored.history, line(context, 'paused', message)) };
  });
  return status.paused ?? wish;
}

/** Ends a pause, from any terminal; answers the pause that was in force, or null when there was none. */
export async function resume(context: PauseContext): Promise<Pause | null> {
  let ended: Pause | null = null;
  await change(context, (stored) => {
    ended = stored.paused;
    if (!stored.paused) return null;
    const message = `resumed; it was paused by ${stored.paused.by} at ${stored.paused.at}`;
    return { paused: null, history: withLine(stored.history, line(context, 'resumed', message)) };
  });
  return ended;
}

/** The whole record is written back as it was read, so that nothing of an engine's is lost or overwritten. */
async function change(
  context: PauseContext,
  next: (stored: MigrationStatus) => Partial<MigrationStatus> | null,
): Promise<MigrationStatus> {
  const { home, migration, signal } = context;
  for (let attempt = 1; ; attempt += 1) {
    const { status, resourceVersion } = await readRecord(context);
    if (resourceVersion === null) {
      throw new MeshliftError('wrong-phase', {
        where: `migration ${migration.metadata.namespace}/${migration.metadata.name} in ${home.name}`,
        why: 'it has not begun, so there is nothing to pause or resume',
        next: 'meshlift vm join',
      });
    }
    const changed = next(status);
    if (!changed) return status;
    const wanted = { ...status, ...changed };
    try {
      await home.kube.applyStatus({ ...recordHead(migration), status: wanted }, { resourceVersion, signal });
      return wanted;
    } catch (error) {
      // An engine recorded something meanwhile.
      if (!isMeshliftError(error, 'cluster-conflict') || attempt === attempts) throw error;
    }
  }
}

function line(context: PauseContext, what: 'paused' | 'resumed', message: string): HistoryRecord {
  return { at: timestamp(context), by: formatOwner(context), what, message };
}

function timestamp(context: PauseContext): string {
  return new Date(context.clock.now()).toISOString();
}
