import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import type { Migration } from '../spec/migration.ts';
import { type EngineContext, formatOwner, type MemberCluster } from './context.ts';
import { freeLease, heldLease, type LeaseSeen, leaseRef, readLease } from './lease.ts';

type Claiming = Pick<EngineContext, 'migration' | 'home' | 'members' | 'clock'>;

/** Who an engine is among those that own the migration one after the other. */
export interface Identity {
  /** names this process, and no other ever */
  readonly holder: string;
  readonly epoch: number;
  /** when it became the owner, ms since the epoch */
  readonly since: number;
  /** it had to begin while the home cluster could not be reached, so what counts is what the others say */
  readonly withoutHome: boolean;
}

/**
 * An engine's hold on a migration: its Lease in every member cluster, since a Lease in one cluster fences no other. The
 * one in the home cluster decides; the others follow it, and guard what is written beside them.
 */
export class Claim {
  readonly identity: Identity;
  readonly #context: Claiming;
  readonly #confirming = new Map<string, Promise<void>>();

  constructor(context: Claiming, identity: Identity) {
    this.#context = context;
    this.identity = identity;
  }

  /**
   * Makes sure that this engine holds the Lease of this cluster now, taking it from owners before this one: called
   * between reading an object and writing it, so that the object's resourceVersion refuses the write of an engine that
   * lost its hold in between. Rejects with `owned-by-another` when a later engine has it.
   */
  async confirm(member: MemberCluster, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const seen = await seenLease(this.#context, member, signal);
      if (this.#isOwn(seen)) return;
      this.#refuseLater(member, seen);
      await this.#mayFollow(member, signal);
      try {
        return await writeLease(member, seen, this.#held(), signal);
      } catch (error) {
        // Someone wrote it at the same moment: what it says now decides.
        if (!isMeshliftError(error, 'cluster-conflict')) throw error;
      }
    }
  }

  /** The same, asked once for all who want it at the same time; what it is asked for may have been read meanwhile. */
  confirmWithOthers(member: MemberCluster, signal?: AbortSignal): Promise<void> {
    const under = this.#confirming.get(member.name);
    if (under) return under;
    const mine = this.confirm(member, signal).finally(() => this.#confirming.delete(member.name));
    this.#confirming.set(member.name, mine);
    return mine;
  }

  /** Says in this cluster that this engine is still there; what `confirm` refuses is refused here. */
  async renew(member: MemberCluster): Promise<void> {
    const seen = await seenLease(this.#context, member);
    if (!seen || !this.#isOwn(seen)) return this.confirm(member);
    await writeLease(member, seen, this.#held());
  }

  /**
   * Gives the hold up where it still is this engine's; with nothing left to guard, the Lease goes, also one that an
   * engine of before could not give up any more.
   */
  async release(member: MemberCluster, nothingLeft: boolean): Promise<void> {
    const { migration } = this.#context;
    const seen = await seenLease(this.#context, member);
    if (!seen) return;
    if (nothingLeft && (this.#isOwn(seen) || seen.epoch < this.identity.epoch)) {
      const { resourceVersion } = seen.object.metadata;
      await member.kube.delete(leaseRef(migration), { ...(resourceVersion && { resourceVersion }) });
    } else if (this.#isOwn(seen)) {
      await writeLease(member, seen, freeLease(migration, this.identity.epoch));
    }
  }

  #isOwn(seen: LeaseSeen | null): boolean {
    return seen?.holder === this.identity.holder;
  }

  #held() {
    const { holder, epoch, since } = this.identity;
    return heldLease(this.#context.migration, { holder, epoch, since, now: this.#context.clock.now() });
  }

  #refuseLater(member: MemberCluster, seen: LeaseSeen | null): void {
    if (seen && seen.epoch >= this.identity.epoch) throw lost(this.#context.migration, member, seen);
  }

  /** Another cluster's Lease may be taken only by whom the home cluster's still names. */
  async #mayFollow(member: MemberCluster, signal?: AbortSignal): Promise<void> {
    const { home } = this.#context;
    if (member.name === home.name) {
      // Its own Lease of before is gone: another engine has been here, and has finished or was told to leave no trace.
      if (!this.identity.withoutHome) throw lost(this.#context.migration, member, null);
      return;
    }
    try {
      const seen = await seenLease(this.#context, home, signal);
      if (this.#isOwn(seen)) return;
      this.#refuseLater(home, seen);
      if (!this.identity.withoutHome) throw lost(this.#context.migration, home, seen);
    } catch (error) {
      if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
    }
  }
}

/** The Lease of this cluster; null when there is none. */
export async function seenLease(
  { migration }: Pick<Claiming, 'migration'>,
  member: MemberCluster,
  signal?: AbortSignal,
): Promise<LeaseSeen | null> {
  const object = await member.kube.get(leaseRef(migration), signal);
  return object && readLease(object);
}

/** Writes a Lease over the one that was seen, and over no other: `cluster-conflict` when it has changed since. */
export async function writeLease(
  { kube }: MemberCluster,
  seen: LeaseSeen | null,
  wanted: ReturnType<typeof heldLease>,
  signal?: AbortSignal,
): Promise<void> {
  const options = signal ? { signal } : {};
  if (seen) await kube.replace({ ...wanted, metadata: seen.object.metadata }, options);
  else await kube.create(wanted, options);
}

function lost(migration: Migration, member: MemberCluster, seen: LeaseSeen | null): MeshliftError {
  return new MeshliftError('owned-by-another', {
    where: `migration ${format(migration)}`,
    why: seen?.holder
      ? `${seen.holder} took it over at ${seen.since} (Lease in ${member.name})`
      : `its Lease in ${member.name} was taken over or removed meanwhile`,
    next: 'let the other engine finish, then: meshlift status',
  });
}

export function format({ metadata }: Migration): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** For the Lease: who, on which process. */
export function holderName(context: Pick<EngineContext, 'by'>, process: string): string {
  return `${formatOwner(context)}/${process}`;
}
