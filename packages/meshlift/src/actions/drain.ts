import { until } from '../effects/clock/until.ts';
import { type EngineContext, tell } from '../engine/context.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { formatDuration } from '../spec/duration.ts';
import { countOf, type Migration } from '../spec/migration.ts';
import { type StillRunning, stillRunning } from '../verification/still-running.ts';

const lookEveryMs = 1_000;

export interface Draining {
  /** for messages: `the side hosts` */
  readonly where: string;
  /** what still runs, in words; null when nothing does */
  readonly look: () => Promise<string | null>;
  /** what comes after it, for messages: `remove the side hosts` */
  readonly before: string;
  /** the command that goes on when it was held */
  readonly next: string;
}

/**
 * Waits until nothing runs any more, as long as `spec.drain` allows. Then, as the spec says: `hold` rejects with
 * `still-running`, and `proceed` says what is going to be cut, and goes on.
 */
export async function drain(context: EngineContext, draining: Draining): Promise<void> {
  const { deadline, onDeadline } = context.migration.spec.drain;
  let last = '';
  try {
    await until(
      context.clock,
      {
        for: `${draining.where} to be drained`,
        deadlineMs: deadline,
        intervalMs: lookEveryMs,
        next: draining.next,
        signal: context.signal,
        progress: (why, waitedMs) =>
          tell(context, 'drain', 'progress', `${why}; waiting for it to end`, {
            waitedMs,
            deadlineMs: deadline,
          }),
      },
      async () => {
        const why = await draining.look();
        last = why ?? last;
        return why === null ? { ready: true, value: true } : { ready: false, why };
      },
    );
  } catch (error) {
    if (!isMeshliftError(error, 'timed-out')) throw error;
    if (onDeadline === 'proceed') {
      tell(context, 'drain', 'warning', `${last} after ${formatDuration(deadline)}; going on all the same`);
      return;
    }
    throw new MeshliftError('still-running', {
      where: draining.where,
      why: `${last} after ${formatDuration(deadline)}, and to ${draining.before} would cut it`,
      next: `once it has ended: ${draining.next}; to cut it: spec.drain.onDeadline: proceed`,
      cause: error,
    });
  }
}

/** Waits until no calling proxy has anything under way by way of the hosts that are about to go. */
export async function drainSideHosts(context: EngineContext): Promise<void> {
  await drain(context, {
    where: 'the side hosts',
    look: async () => runningInWords(context.migration, await stillRunning(context)),
    before: 'remove them',
    next: 'meshlift complete',
  });
}

/** Null when nothing runs, and that is known of everyone. */
export function runningInWords(
  migration: Migration,
  { sides, callers, unread }: StillRunning,
): string | null {
  const [first] = callers;
  if (first) {
    const others = callers.length === 1 ? '' : ` and ${callers.length - 1} others`;
    return `${countOf(migration, sides.vm)} still ${sides.vm === 1 ? 'runs' : 'run'} on the VM and ${sides.k8s} on the copy, from ${first.caller}${others}`;
  }
  if (unread[0] !== undefined)
    return `what ${unread[0]}${unread.length === 1 ? '' : ` and ${unread.length - 1} others`} has under way can't be read`;
  return null;
}
