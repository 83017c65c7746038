import { randomUUID } from 'node:crypto';
import { until } from '../effects/clock/until.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { Claim, format, holderName, seenLease, writeLease } from './claim.ts';
import { type EngineContext, type MemberCluster, type OwnedContext, tell, withHands } from './context.ts';
import { fencedCluster, fencedSsh } from './fence.ts';
import { readRecord } from './journal.ts';
import { heldLease, type LeaseSeen, leaseMs, renewEveryMs } from './lease.ts';

export interface Owning<Refusal = never> {
  /** take the migration from an engine that is alive: what is safe is not made to wait for what is under way */
  readonly takeOver?: boolean;
  /** begin although the home cluster can't be reached: what matters is done where it can be done */
  readonly withoutHome?: boolean;
  /** what may keep the work from beginning: the answer in its place, or null; nothing is written before it is known */
  readonly unless?: Promise<Refusal | null>;
}

interface Found {
  readonly member: MemberCluster;
  readonly lease: LeaseSeen | null;
}

/**
 * Runs `work` while owning the migration, so that two engines never drive one. Rejects with `owned-by-another`, naming
 * the owner and since when, while another one is alive, unless this one takes over; an abandoned migration is taken
 * over in any case. Every write that `work` makes, in every cluster and on the VM, is refused once a later engine owns
 * the migration, and its signal aborts.
 */
export async function whileOwning<T>(
  context: EngineContext,
  work: (owned: OwnedContext) => Promise<T>,
  { unless, ...owning }: Owning<T> = {},
): Promise<T> {
  const ahead = lookAhead(context, owning);
  ahead.catch(() => undefined); // heard below, unless the work may not begin
  const refusal = await unless;
  if (refusal) return refusal;
  const { claim, following } = await acquire(context, owning, await ahead);
  const lost = new AbortController();
  // Nothing waits for it: each write makes sure of the Lease beside it.
  const followed = following.catch((error: unknown) => lost.abort(error));
  const ended = new AbortController();
  const renewal = keepRenewing(context, claim, ended.signal, (error) => lost.abort(error));
  try {
    return await work(ownedContext(context, claim, AbortSignal.any([context.signal, lost.signal])));
  } catch (error) {
    // Whatever an aborted act ran into, that the migration has another owner is why.
    throw lost.signal.aborted ? lost.signal.reason : error;
  } finally {
    ended.abort();
    await Promise.all([renewal, followed]);
    await releaseAll(context, claim);
  }
}

function ownedContext(context: EngineContext, claim: Claim, signal: AbortSignal): OwnedContext {
  return {
    ...withHands(context, (member) => fencedCluster(member, claim)),
    ssh: async (machine) => fencedSsh(await context.ssh(machine), () => claim.confirm(context.home, signal)),
    epoch: claim.identity.epoch,
    signal,
  };
}

interface Acquired {
  readonly claim: Claim;
  /** the Leases of the other clusters, which follow the one in the home cluster */
  readonly following: Promise<unknown>;
}

interface Standing {
  readonly found: readonly Found[];
  /** of the last owner that recorded anything */
  readonly recorded: number;
}

/** Asked while it is still being looked at whether the work may begin; null when it must be asked once more. */
async function lookAhead(context: EngineContext, owning: Owning): Promise<Standing | null> {
  try {
    return await lookAtOwners(context, owning);
  } catch (error) {
    if (isMeshliftError(error)) return null;
    throw error;
  }
}

async function lookAtOwners(context: EngineContext, owning: Owning): Promise<Standing> {
  const [found, recorded] = await Promise.all([look(context, owning), recordedEpoch(context, owning)]);
  return { found, recorded };
}

/** `ahead`: how things stood a while ago; that anything has changed since is seen by the Lease's version. */
async function acquire(context: EngineContext, owning: Owning, ahead: Standing | null): Promise<Acquired> {
  const { clock, home, migration } = context;
  for (let standing = ahead; ; standing = null) {
    const { found, recorded } = standing ?? (await lookAtOwners(context, owning));
    const holders = found.filter(({ lease }) => lease?.holder);
    const alive = holders.find(({ lease }) => lease && lease.expires > clock.now());
    if (alive?.lease && !owning.takeOver) throw ownedBy(context, alive.member, alive.lease);
    if (!alive) await seeAbandoned(context, holders);

    const withoutHome = !found.some(({ member }) => member.name === home.name);
    const identity = {
      holder: holderName(context, `${process.pid}/${randomUUID().slice(0, 8)}`),
      epoch: 1 + Math.max(recorded, ...found.map(({ lease }) => lease?.epoch ?? 0)),
      since: clock.now(),
      withoutHome,
    };
    const wanted = heldLease(migration, { ...identity, now: clock.now() });
    // The home cluster's decides who of several is the owner, so it is the first.
    const first = found.find(({ member }) => member.name === home.name) ?? found[0];
    if (!first) throw new TypeError('a migration has at least one member');
    try {
      await writeLease(first.member, first.lease, wanted, context.signal);
    } catch (error) {
      // Whoever it was, it is looked at once more.
      if (isMeshliftError(error, 'cluster-conflict')) continue;
      throw error;
    }
    const claim = new Claim(context, identity);
    const others = found.filter((it) => it !== first);
    const following = Promise.all(
      others.map(({ member }) => unlessUnreachable(claim.confirmWithOthers(member, context.signal))),
    );
    for (const { member, lease } of holders.slice(0, 1)) {
      const how = alive ? 'which is told to stop' : 'which stopped renewing';
      tell(
        context,
        'owner',
        'warning',
        `taking over from ${lease?.holder}, ${how} (Lease in ${member.name})`,
      );
    }
    return { claim, following };
  }
}

/** By the record, which outlives every Lease; 0 where the home cluster need not answer, and does not. */
async function recordedEpoch(context: EngineContext, { withoutHome }: Owning): Promise<number> {
  try {
    return (await readRecord(context)).status.epoch;
  } catch (error) {
    if (withoutHome && isMeshliftError(error, 'cluster-unreachable')) return 0;
    throw error;
  }
}

/** Who drives the migration at this moment; null when nobody does. */
export async function currentOwner(
  context: Pick<EngineContext, 'clock' | 'home' | 'migration' | 'signal'>,
): Promise<string | null> {
  const lease = await seenLease(context, context.home, context.signal);
  return lease?.holder && lease.expires > context.clock.now() ? lease.holder : null;
}

/** The Leases of all clusters that answer. */
async function look(context: EngineContext, { withoutHome }: Owning): Promise<readonly Found[]> {
  const found = await Promise.all(
    context.members.map(async (member): Promise<readonly Found[]> => {
      try {
        return [{ member, lease: await seenLease(context, member, context.signal) }];
      } catch (error) {
        const needed = member.name === context.home.name && !withoutHome;
        if (needed || !isMeshliftError(error, 'cluster-unreachable')) throw error;
        return [];
      }
    }),
  );
  const reached = found.flat();
  if (reached.length > 0) return reached;
  throw new MeshliftError('cluster-unreachable', {
    where: `migration ${format(context.migration)}`,
    why: 'none of its clusters answers',
    next: 'check that this machine reaches them: meshlift check',
  });
}

/**
 * The holder's clock may be another than ours: what looks abandoned by ours is watched for as long as a living engine
 * would take to renew it.
 */
async function seeAbandoned(context: EngineContext, holders: readonly Found[]): Promise<void> {
  if (holders.length === 0) return;
  await context.clock.wait(renewEveryMs + 1_000, context.signal);
  await Promise.all(
    holders.map(async ({ member, lease }) => {
      const again = await unlessUnreachable(seenLease(context, member, context.signal));
      const renewed = again?.object.metadata.resourceVersion !== lease?.object.metadata.resourceVersion;
      if (again?.holder && renewed) throw ownedBy(context, member, again);
    }),
  );
}

function ownedBy(
  { clock, migration }: EngineContext,
  member: MemberCluster,
  lease: LeaseSeen,
): MeshliftError {
  const seconds = Math.ceil((lease.expires - clock.now()) / 1_000);
  const died = seconds > 0 ? `; if it has died, its hold ends in ${seconds} s` : '';
  return new MeshliftError('owned-by-another', {
    where: `migration ${format(migration)}`,
    why: `${lease.holder} is driving it since ${lease.since} (Lease in ${member.name})`,
    next: `wait for it, or stop it${died}; meshlift pause stops its next step, meshlift rollback takes over from it`,
  });
}

/** Renews everywhere as long as it is wanted; a cluster that can't be reached is tried again the next time. */
async function keepRenewing(
  context: EngineContext,
  claim: Claim,
  ended: AbortSignal,
  onLost: (reason: unknown) => void,
): Promise<void> {
  try {
    for (;;) {
      await context.clock.wait(renewEveryMs, ended);
      await Promise.all(context.members.map((member) => unlessUnreachable(renewed(claim, member))));
    }
  } catch (error) {
    if (!ended.aborted) onLost(error);
  }
}

/** That somebody wrote the Lease at the same moment is seen at the next one. */
async function renewed(claim: Claim, member: MemberCluster): Promise<void> {
  try {
    await claim.renew(member);
  } catch (error) {
    if (!isMeshliftError(error, 'cluster-conflict')) throw error;
  }
}

/** Giving up the Leases is a courtesy (they expire by themselves), so that it fails does not hide the work's result. */
async function releaseAll(context: EngineContext, claim: Claim): Promise<void> {
  const away = { ...context, signal: new AbortController().signal };
  const retired = await readRecord(away).then(
    ({ status }) => status.phase === 'Retired',
    () => false,
  );
  await Promise.all(
    context.members.map(async (member) => {
      try {
        if (retired) await withoutTrace(context, claim, member);
        else await claim.release(member, false);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const later = retired ? 'meshlift retire tries once more' : `it expires in ${leaseMs / 1_000} s`;
        tell(
          context,
          'owner',
          'warning',
          `the Lease in ${member.name} could not be given up, ${later}: ${why}`,
        );
      }
    }),
  );
}

/** Nothing of a retired migration stays in any cluster, so one that does not answer now is waited for. */
async function withoutTrace(context: EngineContext, claim: Claim, member: MemberCluster): Promise<void> {
  const { clock, migration, signal } = context;
  const waiting = {
    for: `${member.name} to answer: the Lease there is the last of the migration`,
    deadlineMs: migration.spec.deadlines.reach,
    intervalMs: renewEveryMs,
    next: 'meshlift retire',
    signal,
  };
  const progress = () => tell(context, 'wait', 'progress', `waiting for ${waiting.for}`);
  await until<void>(clock, { ...waiting, progress }, async () => {
    try {
      return { ready: true, value: await claim.release(member, true) };
    } catch (error) {
      if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
      return { ready: false, why: error.why };
    }
  });
}

async function unlessUnreachable<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isMeshliftError(error, 'cluster-unreachable')) return null;
    throw error;
  }
}
