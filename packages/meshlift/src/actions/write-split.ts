import { type Abreast, abreast } from '../effects/clock/abreast.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import type { MemberLook, TrafficWatch } from '../engine/traffic-watch.ts';
import { errorCodes } from '../errors/codes.ts';
import { MeshliftError } from '../errors/error.ts';
import { splitRoute } from '../mesh/split-route.ts';
import type { SplitCause } from '../migration/decision.ts';
import { type Phase, reached } from '../migration/phase.ts';
import { unsettled } from '../migration/settling.ts';
import type { ClusterSplitRecord, SplitRecord } from '../migration/status.ts';
import { allOnVm, formatSplit, sides, type TrafficSplit } from '../migration/traffic-split.ts';
import { countOf } from '../spec/migration.ts';
import {
  type Served,
  type SyncBaseline,
  syncBaseline,
  untilRoutesServed,
} from '../verification/routes-served.ts';
import { areOfWrite } from '../verification/service-routes.ts';
import { watchShare } from '../verification/share-seen.ts';
import { stillRunning } from '../verification/still-running.ts';
import { applyExactly } from './apply-exactly.ts';
import { makeWays, routed, waysStand } from './split-ways.ts';

export interface SplitWish {
  readonly split: TrafficSplit;
  readonly cause: SplitCause;
  readonly reason: string;
}

/** Clusters are written at once; one that takes longer to be ready than this is not waited for. */
const prepareTogetherMs = 200;

/** What the protocol leaves behind when it can't agree: where every cluster was returned to. */
const returns = { cause: 'return', reason: 'not every cluster took the last split' } as const;

/**
 * The way to the safe side is made wherever it can be made, whether or not it can be recorded now: nobody gains by
 * undoing it where it worked.
 */
const neverReturned: ReadonlySet<SplitCause> = new Set(['rollback', 'gate', 'forward', 'return']);

/**
 * Puts one split in force in every member cluster: records the intent, writes all clusters at once, verifies each
 * (every calling proxy acknowledged it, and callers are seen following it), records it as agreed. It is not atomic:
 * clusters follow within milliseconds of each other, and the skew is measured and recorded. When a cluster can't be
 * written or verified by its deadline, every cluster goes back to the last agreed split (a way to the safe side stays
 * where it could be made), and this rejects with `not-agreed`; or with `cluster-unreachable` when all that is missing is
 * a cluster that does not answer: the intent is recorded, and is to be settled there as soon as it does.
 */
export async function writeSplit(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  wish: SplitWish,
): Promise<void> {
  const last = journal.status.agreed?.split ?? allOnVm;
  const failures = await tryToAgree(context, journal, traffic, wish);
  const [failure] = failures;
  if (!failure) return;
  if (neverReturned.has(wish.cause)) {
    if (failures.every(isUnreachable)) throw outOfReach(wish.split, failures);
    throw new MeshliftError('not-agreed', {
      where: `split ${formatSplit(wish.split)}`,
      why: `${failure.message}; every cluster that could be written has it, and keeps it`,
      next: `once that is mended: meshlift ${wish.cause === 'forward' ? 'run' : 'rollback'} (${failure.next})`,
      cause: failure,
    });
  }

  tell(
    context,
    'split-returned',
    'warning',
    `${failure.message}: every cluster goes back to ${formatSplit(last)}`,
  );
  const stillMissing = await tryToAgree(context, journal, traffic, { split: last, ...returns });
  const [stuck] = stillMissing;
  if (stuck && stillMissing.every(isUnreachable)) throw outOfReach(last, stillMissing);
  throw new MeshliftError('not-agreed', {
    where: `split ${formatSplit(wish.split)}`,
    why: stuck
      ? `${failure.message}; and going back to ${formatSplit(last)} is not verified either: ${stuck.message}`
      : `${failure.message}; every cluster is back on ${formatSplit(last)}`,
    next: failure.next,
    cause: failure,
  });
}

async function tryToAgree(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  { split, cause, reason }: SplitWish,
): Promise<readonly MeshliftError[]> {
  const { agreed, phase } = journal.status;
  const generation = journal.status.generation + 1;
  const before = unsettled(journal.status) ? null : (agreed?.split ?? null);
  const keep = neverReturned.has(cause) ? journal.note : journal.record;
  tell(context, 'split-intent', 'step', `${formatSplit(split)} in every member cluster: ${reason}`, {
    generation,
    split,
    cause,
  });
  const intended = keep({ generation, intent: { generation, split, reason } });
  // Hosts that a route leads to already may be looked after at once; those that there are none of are part of what is intended.
  if (!routed(phase)) await intended;

  const at = new Date(context.clock.now()).toISOString();
  // Judged from when it is acknowledged, not from when it is agreed: a copy fails its first requests already.
  traffic.restart();
  const prepared = abreast(context.clock, context.members.length, prepareTogetherMs);
  const results = await Promise.allSettled(
    context.members.map((member) =>
      putInForce(context, traffic, member, { split, cause, generation, intended, prepared, phase, before }),
    ),
  );
  await intended;
  context.signal.throwIfAborted();
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [namedFailure(result.reason)] : [],
  );
  const records = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.record] : []));
  const served = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.served] : []));
  const times = served.map((it) => it.at);
  const record: SplitRecord = {
    generation,
    split,
    reason,
    at,
    outcome: failures.length === 0 ? 'agreed' : 'returned',
    ...(context.by && { by: context.by }),
    ...(failures[0] && { failure: failures[0].message }),
    clusters: records,
    skewMs: times.length < 2 ? null : Math.max(...times) - Math.min(...times),
  };
  if (failures.length > 0) {
    await keep({ split: record });
    return failures;
  }
  await traffic.begin();
  await journal.record({
    split: record,
    agreed: { generation, split, at: new Date(context.clock.now()).toISOString() },
    phase: phaseAfter(phase, split),
  });
  tell(
    context,
    'split-agreed',
    'done',
    `${formatSplit(split)} agreed by ${context.members.length} clusters`,
    { ...record },
  );
  await tellWhatStillRuns(context, journal, split);
  return [];
}

/** Requests, streams and connections that began before a split stay where they are; at 0 % they can be told apart. */
async function tellWhatStillRuns(
  context: EngineContext,
  journal: Journal,
  split: TrafficSplit,
): Promise<void> {
  const left = sides.find((side) => split[side] === 0);
  const before = journal.status.splits.at(-2);
  if (!left || !before || before.split[left] === 0) return;
  const running = await stillRunning(context);
  const count = running.sides[left];
  const record = { side: left, running: count, unread: running.unread.length };
  await journal.record({ stillRunning: record });
  if (count === 0 && running.unread.length === 0) return;
  const from = running.callers[0] ? `, most from ${running.callers[0].caller}` : '';
  const unknown = running.unread.length === 0 ? '' : `; ${running.unread.length} callers could not be read`;
  tell(
    context,
    'still-running',
    'progress',
    `${countOf(context.migration, count)} that began before still ${count === 1 ? 'runs' : 'run'} on the ${left} side${from}${unknown}`,
    record,
  );
}

/** One split on its way into every member. */
interface SplitUnderWay extends Pick<SplitWish, 'split' | 'cause'> {
  readonly generation: number;
  /** resolves when the intent is recorded, or may be noted only */
  readonly intended: Promise<void>;
  /** members are written together once each is prepared */
  readonly prepared: Abreast;
  readonly phase: Phase;
  /** what was agreed until now; null when that is not settled */
  readonly before: TrafficSplit | null;
}

async function putInForce(
  context: EngineContext,
  traffic: TrafficWatch,
  member: MemberCluster,
  underWay: SplitUnderWay,
): Promise<{ readonly record: ClusterSplitRecord; readonly served: Served }> {
  const { clock, migration } = context;
  const { deadlines } = migration.spec;
  const { split, cause, generation, phase, before } = underWay;
  const { baseline, stands } = await prepare(context, member, underWay);
  const started = clock.now();
  await applyExactly(member.kube, splitRoute(migration, split, generation, cause === 'mirror'), context);
  const writtenMs = clock.now() - started;
  tell(context, 'split-written', 'progress', `written in ${member.name}`, {
    cluster: member.name,
    writtenMs,
    generation,
  });
  let acknowledged: Promise<MemberLook> | null = null;
  const served = await untilRoutesServed(context, member, baseline, {
    what: `split ${formatSplit(split)}`,
    served: (routes) => areOfWrite(migration, routes, generation, split),
    writtenAt: started,
    deadlineMs: deadlines.agree,
    acknowledged: () => {
      // Also at who seldom calls: what they called until now must not be taken for what they call from now on.
      acknowledged = traffic.lookAt(member, { thorough: true });
      acknowledged.catch(() => undefined); // heard below, once it is proven what was acknowledged
    },
    progress: ({ serving, total, undecided, slowest }) =>
      tell(
        context,
        'wait',
        'progress',
        `${serving} of ${total} proxies in ${member.name} serve it${undecided === 0 ? '' : `, ${undecided} more may call it`}; waiting for ${slowest}`,
      ),
  });
  const { acknowledgedMs, proxies } = served;
  tell(
    context,
    'split-acknowledged',
    'progress',
    `${proxies.acknowledged} of ${proxies.total} proxies in ${member.name} serve it after ${acknowledgedMs} ms`,
    {
      cluster: member.name,
      acknowledgedMs,
      ...proxies,
    },
  );

  const looked = acknowledged ?? traffic.lookAt(member, { thorough: true });
  const [share] = await Promise.all([
    watchShare(context, traffic, member, {
      split,
      before,
      acknowledged: looked,
      deadlineMs: deadlines.observe,
    }),
    // Callers are counted from that look on: nothing else is asked of the cluster before it.
    stands && looked.then(() => makeWays(context, member, split, phase)),
  ]);
  tell(context, 'split-seen', share.agrees && !share.alarm ? 'progress' : 'warning', share.why, {
    cluster: member.name,
    ...share.seen,
  });
  if (!share.agrees) {
    throw new MeshliftError('not-agreed', {
      where: `split ${formatSplit(split)} in ${member.name}`,
      why: `its proxies acknowledged it, but ${share.why}`,
      next: 'meshlift status',
    });
  }
  return { record: { cluster: member.name, writtenMs, acknowledgedMs, proxies, seen: share.seen }, served };
}

/** All that comes before a member's own write. One that can't be prepared keeps no other waiting. */
async function prepare(
  context: EngineContext,
  member: MemberCluster,
  { split, intended, prepared, phase }: SplitUnderWay,
): Promise<{ readonly baseline: SyncBaseline; readonly stands: boolean }> {
  const made = async () => {
    const [baseline, stands] = await Promise.all([
      syncBaseline(context, member),
      routed(phase) && waysStand(context, member, split, phase),
      intended,
    ]);
    // Make before break. Where all that the route leads to stands, it is only to be made this owner's: no route waits for it.
    if (!stands) await makeWays(context, member, split, phase);
    return { baseline, stands };
  };
  const ready = await made().finally(prepared.here);
  await prepared.together(context.signal);
  return ready;
}

/** Before the first split the VM only joins; after it, the split itself says how far the migration is. */
function phaseAfter(phase: Phase, split: TrafficSplit): Phase {
  if (!reached(phase, 'Deployed')) return phase;
  return split.k8s === 0 ? 'Deployed' : 'Shifting';
}

function isUnreachable(error: MeshliftError): boolean {
  return error.code === 'cluster-unreachable';
}

function outOfReach(split: TrafficSplit, failures: readonly MeshliftError[]): MeshliftError {
  return new MeshliftError('cluster-unreachable', {
    where: `split ${formatSplit(split)}`,
    why: `${failures.map(({ message }) => message).join('; ')}; every cluster that answers has it`,
    next: 'bring the others back: it is written there as soon as they answer',
    cause: failures[0],
  });
}

function namedFailure(reason: unknown): MeshliftError {
  if (reason instanceof MeshliftError && reason.code in errorCodes) return reason;
  throw reason;
}
