import { gunzipSync, gzipSync } from 'node:zlib';
import { MeshliftError } from '../errors/error.ts';
import { ownLabels } from '../mesh/marks.ts';
import { serviceHost, sideHost, sideOfHost } from '../mesh/names.ts';
import { workloadGroupRef } from '../mesh/vm-workload.ts';
import type { Caller, CallerSample } from '../metrics/call-series.ts';
import type { ReadOptions } from '../metrics/caller-source.ts';
import type { WantedCalls } from '../metrics/normalise.ts';
import { carry, subtract } from '../metrics/subtract.ts';
import { emptySplitTally, type SideRule, type SplitTally, sumSplit, tally } from '../metrics/tally.ts';
import type { GateWindow, SideWindow } from '../migration/gate.ts';
import { addWindows, emptyLedger, type TrafficLedger } from '../migration/traffic-ledger.ts';
import { type Side, sides } from '../migration/traffic-split.ts';
import { type Migration, portsOf } from '../spec/migration.ts';
import type { EngineContext, MemberCluster } from './context.ts';

/** The gate judges this much of the past, so that a copy that turns bad late is seen soon; more only for want of requests. */
const windowMs = 60_000;
/** A migration that waits for days for its requests keeps no more pieces of its window than these. */
const mostPieces = 512;

export type MemberSample = { readonly cluster: string } & (
  | { readonly read: true; readonly sample: CallerSample }
  | { readonly read: false; readonly why: string }
);

/**
 * Watches what callers see, through their own proxies' counters in every member cluster: for the gate (a recent
 * window), and for the record (every request since the migration began, over any number of processes).
 */
export interface TrafficWatch {
  /** reads every member once; the window is what happened since the last `restart`, about a minute of it */
  look(): Promise<GateWindow>;
  /** reads one member; what its callers called since the last `restart`, and the window of all as far as it is known */
  lookAt(member: MemberCluster, options?: Pick<ReadOptions, 'thorough'>): Promise<MemberLook>;
  /** the window starts anew with the next look: another split is about to be in force */
  restart(): void;
  /** begins the record, if none has begun */
  begin(): Promise<void>;
  /** stores the record in the home cluster; answers it, null before it began */
  save(): Promise<TrafficLedger | null>;
  /** removes the stored counters; the ledger in the Migration's status stays */
  forget(): Promise<void>;
}

export interface MemberLook {
  /** why the member could not be read now; null when it was */
  readonly unread: string | null;
  readonly seen: SplitTally;
  readonly window: GateWindow;
}

interface Stored {
  readonly ledger: TrafficLedger;
  readonly samples: readonly CallerSample[];
}

/** What one look added to the window. */
interface Piece {
  readonly at: number;
  readonly seen: SplitTally;
}

/** `withoutRecord`: the home cluster does not answer, so what was recorded before stays for whoever comes after. */
export async function watchTraffic(
  context: EngineContext,
  { withoutRecord = false } = {},
): Promise<TrafficWatch> {
  const rule = sideRule(context.migration);
  const { minRequests } = context.migration.spec.rollout.gate;
  const stored = withoutRecord ? null : await readStored(context);
  let ledger = stored?.ledger ?? null;
  /** by cluster: the counters up to which everything is accounted for */
  const counted = new Map((stored?.samples ?? []).map((sample) => [sample.cluster, sample]));
  /** by cluster: what its callers called since the window's start; absent until the first look after `restart` */
  const since = new Map<string, SplitTally>();
  /** by cluster: why its last look does not tell everything */
  const missing = new Map<string, string>();
  let pieces: readonly Piece[] = [];
  const lastLook = new Map<string, Promise<MemberSample>>();

  function account(read: MemberSample): void {
    if (!read.read) {
      missing.set(read.cluster, `no metrics from ${read.cluster}: ${read.why}`);
      return;
    }
    const { cluster, sample } = read;
    const before = counted.get(cluster);
    counted.set(cluster, before ? carry(sample, before) : sample);
    const window = subtract(sample, before ?? sample);
    const [unread] = window.unknown;
    if (unread) missing.set(cluster, `no metrics from ${named(unread.caller)}: ${unread.why}`);
    else missing.delete(cluster);
    const at = context.clock.now();
    // What was counted before the window's start belongs to the record, and to no verdict.
    const seen = tally([window], rule);
    const soFar = since.get(cluster);
    since.set(cluster, soFar ? sumSplit(soFar, seen) : emptySplitTally);
    if (soFar) pieces = recent([...pieces, { at, seen }], at);
    if (ledger) ledger = addWindows(ledger, [window], rule, new Date(at).toISOString());
  }

  /** Those from `first` on, and older ones as long as these are not enough for a verdict. */
  function enoughFrom(all: readonly Piece[], first: number): readonly Piece[] {
    let from = first;
    let requests = all.slice(from).reduce((sum, { seen }) => sum + seen.chosen.k8s.requests, 0);
    while (from > 0 && requests < minRequests) {
      from -= 1;
      requests += all[from]?.seen.chosen.k8s.requests ?? 0;
    }
    return all.slice(from);
  }

  /** Without its oldest pieces, as long as what is left is enough for a verdict. */
  function recent(all: readonly Piece[], at: number): readonly Piece[] {
    const kept = enoughFrom(
      all,
      all.findIndex((piece) => piece.at > at - windowMs),
    );
    const [first, second, ...rest] = kept;
    if (kept.length <= mostPieces || !first || !second) return kept;
    return [{ at: second.at, seen: sumSplit(first.seen, second.seen) }, ...rest];
  }

  /** Since `look` began, and before it for want of requests. */
  function lately(look: number): readonly Piece[] {
    const first = pieces.findIndex(({ at }) => at >= look);
    return enoughFrom(pieces, first === -1 ? pieces.length : first);
  }

  /** `look`: when the look that it is judged by began */
  function currentWindow(look = Number.POSITIVE_INFINITY): GateWindow {
    const seen = total(pieces);
    const both = { vm: sideWindow(seen, 'vm'), k8s: sideWindow(seen, 'k8s') };
    const unknown = context.members.flatMap(({ name }) => {
      const why = missing.get(name) ?? (since.has(name) ? null : `${name} was not read yet`);
      return why === null ? [] : [why];
    });
    return unknown[0] === undefined
      ? { known: true, ...both, lately: sideWindow(total(lately(look)), 'k8s') }
      : { known: false, because: unknown[0], soFar: both };
  }

  /**
   * One read of a member after the other: counters read earlier but heard of later would look like a proxy's restart.
   * What is answered was read after it was asked for.
   */
  function lookAt(member: MemberCluster, options: { readonly thorough: boolean }): Promise<MemberSample> {
    const look = async (): Promise<MemberSample> => {
      const read = await readMember(context, member, options);
      account(read);
      return read;
    };
    const mine = (lastLook.get(member.name) ?? Promise.resolve()).then(look, look);
    lastLook.set(member.name, mine);
    return mine;
  }

  async function lookAtAll(options: { readonly thorough: boolean }): Promise<void> {
    await Promise.all(context.members.map((member) => lookAt(member, options)));
  }

  return {
    async look() {
      const began = context.clock.now();
      await lookAtAll({ thorough: false });
      return currentWindow(began);
    },
    async lookAt(member, { thorough = false } = {}) {
      const read = await lookAt(member, { thorough });
      return {
        unread: read.read ? null : read.why,
        seen: since.get(member.name) ?? emptySplitTally,
        window: currentWindow(),
      };
    },
    restart() {
      since.clear();
      pieces = [];
    },
    async begin() {
      if (ledger || (withoutRecord && (await readStored(context)))) return;
      await lookAtAll({ thorough: true });
      ledger = emptyLedger(new Date(context.clock.now()).toISOString());
      await writeStored(context, { ledger, samples: [...counted.values()] });
    },
    async save() {
      if (!ledger) return null;
      await lookAtAll({ thorough: true });
      await writeStored(context, { ledger, samples: [...counted.values()] });
      return ledger;
    },
    async forget() {
      await context.home.kube.delete(countersRef(context.migration), { signal: context.signal });
      ledger = null;
    },
  };
}

/** Reads one member's callers; a member that can't be read says why, and is never counted as zero. */
export async function readMember(
  { signal }: Pick<EngineContext, 'signal'>,
  member: MemberCluster,
  options: { readonly thorough?: boolean } = {},
): Promise<MemberSample> {
  try {
    return { cluster: member.name, read: true, sample: await member.callers.read({ ...options, signal }) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MeshliftError) return { cluster: member.name, read: false, why: error.why };
    throw error;
  }
}

/** The calls that a migration is about: to either side's host, and to the service's own name. */
export function wantedCalls(migration: Migration): WantedCalls {
  const hosts = [...sides.map((side) => sideHost(migration, side)), serviceHost(migration)];
  return { hosts, ports: portsOf(migration).map(({ port }) => port) };
}

/** Which side a host stands for, and which side an answer came from. */
export function sideRule(migration: Migration): SideRule {
  const service = serviceHost(migration);
  const vmWorkload = workloadGroupRef(migration).name;
  const vmAddresses = new Set(migration.spec.vm.machines.map(({ host }) => host));
  return {
    // Once the routes are gone, the service's own name is the pods.
    chosen: (host) => (host === service ? 'k8s' : sideOfHost(migration, host)),
    answered({ address, workload }): Side | null {
      if (workload !== null) return workload === vmWorkload ? 'vm' : 'k8s';
      if (address !== null) return vmAddresses.has(address) ? 'vm' : 'k8s';
      return null;
    },
  };
}

function total(pieces: readonly Piece[]): SplitTally {
  return pieces.reduce((sum, { seen }) => sumSplit(sum, seen), emptySplitTally);
}

export function sideWindow(seen: SplitTally, side: Side): SideWindow {
  const { requests, failed, latency } = seen.chosen[side];
  return {
    requests,
    failed,
    caught: seen.caught[side],
    latency,
  };
}

function countersRef(migration: Migration) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: migration.metadata.namespace,
    name: `meshlift-${migration.metadata.name}-counters`,
  };
}

const countersFile = 'counters.json.gz';

async function readStored(context: EngineContext): Promise<Stored | null> {
  const object = await context.home.kube.get(countersRef(context.migration), context.signal);
  const data = (object?.binaryData as { [countersFile]?: string } | undefined)?.[countersFile];
  if (data === undefined) return null;
  return JSON.parse(gunzipSync(Buffer.from(data, 'base64')).toString(), reviveInfinity) as Stored;
}

/** Compressed: a thousand callers' counters are megabytes of the same labels, and an object may have one. */
async function writeStored(context: EngineContext, stored: Stored): Promise<void> {
  const { name, ...ref } = countersRef(context.migration);
  const data = gzipSync(JSON.stringify(stored, keepInfinity)).toString('base64');
  await context.home.kube.apply(
    {
      apiVersion: ref.apiVersion,
      kind: ref.kind,
      metadata: { name, namespace: ref.namespace, labels: ownLabels(context.migration) },
      binaryData: { [countersFile]: data },
    },
    { signal: context.signal },
  );
}

/** A histogram's last bound is Infinity, which JSON has no word for. */
function keepInfinity(_key: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : value;
}

function reviveInfinity(_key: string, value: unknown): unknown {
  return value === '+Inf' ? Number.POSITIVE_INFINITY : value;
}

function named(caller: Caller): string {
  return `${caller.namespace}/${caller.pod} in ${caller.cluster}`;
}
