import { MeshliftError } from '../errors/error.ts';
import type { CallerSample } from '../metrics/call-series.ts';
import { quantile } from '../metrics/histogram.ts';
import { carry, subtract } from '../metrics/subtract.ts';
import { type SplitTally, tally } from '../metrics/tally.ts';
import { decide } from '../migration/decide.ts';
import type { Decision } from '../migration/decision.ts';
import type { Health, MemberObservation } from '../migration/observation.ts';
import type { MigrationStatus, SeenSplit } from '../migration/status.ts';
import type { Side, TrafficSplit } from '../migration/traffic-split.ts';
import { type ServingNow, servingWatch } from '../verification/serving-now.ts';
import { seenSplit } from '../verification/share-seen.ts';
import type { EngineContext, MemberCluster } from './context.ts';
import { readStatus } from './journal.ts';
import { observe } from './observe.ts';
import { currentOwner } from './ownership.ts';
import { readMember, sideRule, sideWindow } from './traffic-watch.ts';

/** A migration at one moment: what is recorded, what every cluster says, and what callers see. */
export interface LiveView {
  /** RFC 3339 */
  readonly at: string;
  readonly status: MigrationStatus;
  /** the engine that drives it, as its Lease names it; null when none does */
  readonly owner: string | null;
  readonly members: readonly LiveMember[];
  readonly sides: Readonly<Record<Side, LiveSide>>;
  /** what `meshlift run` does next, or what it waits for */
  readonly next: Decision;
}

export interface LiveMember {
  readonly cluster: string;
  /** the split that is being put in force, else the agreed one; null when there is none */
  readonly wanted: { readonly split: TrafficSplit; readonly generation: number } | null;
  readonly written: MemberObservation;
  /** null when there is nothing to serve; or why it is not known */
  readonly acknowledged: ServingNow | { readonly unknown: string } | null;
  /** what its callers saw since the split was agreed, at most the last minute; or why it is not known */
  readonly seen: SeenSplit | { readonly unknown: string };
}

export interface LiveSide {
  readonly health: Health;
  /** of the last ten seconds; null until there were two looks */
  readonly requestsPerSecond: number | null;
  /** in the same window as `seen` */
  readonly requests: number;
  readonly failed: number;
  readonly caught: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

interface Look {
  readonly at: number;
  readonly samples: ReadonlyMap<string, CallerSample>;
}

const longestWindowMs = 60_000;
const rateWindowMs = 10_000;

/**
 * Looks at a migration again and again without taking part in it: needs no Lease and writes nothing. Every call is one
 * look. Rates and shares come from what callers' proxies counted between looks.
 */
export function liveView(context: EngineContext): () => Promise<LiveView> {
  const rule = sideRule(context.migration);
  const watches = new Map(context.members.map((member) => [member.name, servingWatch(context, member)]));
  let looks: readonly Look[] = [];
  let generation: number | null = null;

  return async () => {
    const now = context.clock.now();
    const [status, owner, reads] = await Promise.all([
      readStatus(context),
      currentOwner(context),
      Promise.all(context.members.map((member) => readMember(context, member))),
    ]);
    // Another split is in force: what callers saw of the last one says nothing about it.
    if ((status.agreed?.generation ?? null) !== generation) looks = [];
    generation = status.agreed?.generation ?? null;
    const earlier = looks.at(-1)?.samples;
    const samples = new Map(
      reads.flatMap((it) => {
        if (!it.read) return [];
        // A read that leaves some callers out goes on with what is known of them.
        const before = earlier?.get(it.cluster);
        return [[it.cluster, before ? carry(it.sample, before) : it.sample] as const];
      }),
    );
    looks = [...looks.filter(({ at }) => at >= now - longestWindowMs), { at: now, samples }];

    const [first, last] = [looks[0], looks.at(-1)];
    const seenBy = (member: string): SplitTally => between(first, last, rule, member);
    const all = between(first, last, rule);
    const recent = looks.find(({ at }) => at >= now - rateWindowMs);
    const seconds = recent && recent.at < now ? (now - recent.at) / 1_000 : null;
    const rates = between(recent, last, rule);
    const missing = reads.find((it) => !it.read);
    const observation = await observe(context, {
      look: async () =>
        missing && !missing.read
          ? { known: false, because: `no metrics from ${missing.cluster}: ${missing.why}` }
          : { known: true, vm: sideWindow(all, 'vm'), k8s: sideWindow(all, 'k8s') },
    });
    const next = decide(context.migration, status, observation, { do: 'run', until: 'Retired' }, now);

    const members = await Promise.all(
      context.members.map(async (member): Promise<LiveMember> => {
        const wanted = wantedSplit(status);
        const read = reads.find((it) => it.cluster === member.name);
        const { chosen } = seenBy(member.name);
        return {
          cluster: member.name,
          wanted,
          written: observation.members[member.name] ?? { reachable: false, why: 'it was not asked' },
          acknowledged: wanted && (await acknowledged(context, member, watches, wanted.generation)),
          seen:
            read && !read.read
              ? { unknown: read.why }
              : seenSplit(chosen.vm.requests + chosen.k8s.requests, chosen.k8s.requests),
        };
      }),
    );
    const side = (name: Side): LiveSide => ({
      health: name === 'vm' ? observation.vm : observation.copy,
      requestsPerSecond: seconds === null ? null : rates.chosen[name].requests / seconds,
      requests: all.chosen[name].requests,
      failed: all.chosen[name].failed,
      caught: all.caught[name],
      p50Ms: quantile(all.chosen[name].latency, 0.5),
      p99Ms: quantile(all.chosen[name].latency, 0.99),
    });
    return {
      at: new Date(now).toISOString(),
      status,
      owner,
      members,
      sides: { vm: side('vm'), k8s: side('k8s') },
      next,
    };
  };
}

/** An interrupted or running write is what is wanted; without one, what was agreed last. */
function wantedSplit({ agreed, intent }: MigrationStatus): LiveMember['wanted'] {
  const wanted = intent && intent.generation !== agreed?.generation ? intent : agreed;
  return wanted && { split: wanted.split, generation: wanted.generation };
}

async function acknowledged(
  { signal }: EngineContext,
  member: MemberCluster,
  watches: ReadonlyMap<string, ReturnType<typeof servingWatch>>,
  generation: number,
): Promise<LiveMember['acknowledged']> {
  try {
    return (await watches.get(member.name)?.(generation)) ?? null;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MeshliftError) return { unknown: error.why };
    throw error;
  }
}

function between(
  first: Look | undefined,
  last: Look | undefined,
  rule: ReturnType<typeof sideRule>,
  member?: string,
): SplitTally {
  if (!first || !last || first.at === last.at) return tally([], rule);
  const windows = [...last.samples].flatMap(([cluster, sample]) => {
    const before = first.samples.get(cluster);
    return before && (member === undefined || cluster === member) ? [subtract(sample, before)] : [];
  });
  return tally(windows, rule);
}
