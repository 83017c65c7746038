import { MeshliftError } from '../errors/error.ts';
import { ownLabels } from '../mesh/marks.ts';
import { serviceHost, sideHost, sideOfHost } from '../mesh/names.ts';
import { workloadGroupRef } from '../mesh/vm-workload.ts';
import type { Caller, CallerSample, CallerWindow } from '../metrics/call-series.ts';
import { readCallers } from '../metrics/read-callers.ts';
import { subtract } from '../metrics/subtract.ts';
import { type SideRule, type SplitTally, tally } from '../metrics/tally.ts';
import type { GateWindow, SideWindow } from '../migration/gate.ts';
import { addWindows, emptyLedger, type TrafficLedger } from '../migration/traffic-ledger.ts';
import { type Side, sides } from '../migration/traffic-split.ts';
import type { Migration } from '../spec/migration.ts';
import type { EngineContext, MemberCluster } from './context.ts';

/** The gate judges at most this much of the past, so that a copy that turns bad late is seen soon. */
const longestWindowMs = 60_000;

export type MemberSample = { readonly cluster: string } & (
  | { readonly read: true; readonly sample: CallerSample }
  | { readonly read: false; readonly why: string }
);

/**
 * Watches what callers see, through their own proxies' counters in every member cluster: for the gate (a recent
 * window), and for the record (every request since the migration began, over any number of processes).
 */
export interface TrafficWatch {
  /** reads every member once; the window is what happened since the last `restart`, at most a minute of it */
  look(): Promise<GateWindow>;
  /** the window starts anew: another split is in force */
  restart(): void;
  /** begins the record, if none has begun */
  begin(): Promise<void>;
  /** stores the record in the home cluster; answers it, null before it began */
  save(): Promise<TrafficLedger | null>;
  /** removes the stored counters; the ledger in the Migration's status stays */
  forget(): Promise<void>;
}

interface Stored {
  readonly ledger: TrafficLedger;
  readonly samples: readonly CallerSample[];
}

export async function watchTraffic(context: EngineContext): Promise<TrafficWatch> {
  const rule = sideRule(context.migration);
  let past: { at: number; samples: ReadonlyMap<string, CallerSample> }[] = [];
  let stored = await readStored(context);

  async function look(): Promise<GateWindow> {
    const now = context.clock.now();
    const reads = await readMembers(context);
    const samples = new Map(reads.flatMap((it) => (it.read ? [[it.cluster, it.sample] as const] : [])));
    if (stored) stored = account(stored, samples, rule, now);
    const missing = reads.find((it) => !it.read);
    if (missing && !missing.read)
      return { known: false, because: `no metrics from ${missing.cluster}: ${missing.why}` };

    // A look at which someone could not be read neither begins nor ends a window: what they did would be unknown for
    // as long as the window has that end.
    const unread = [...samples.values()].flatMap((sample) => sample.unread)[0];
    if (unread) return { known: false, because: `no metrics from ${named(unread.caller)}: ${unread.why}` };
    past = [...past, { at: now, samples }];
    while ((past[1]?.at ?? now) <= now - longestWindowMs) past = past.slice(1);
    const base = past[0];
    if (!base || base.at === now) return gateWindow(tally([], rule));
    return gateWindow(tally(windowsBetween(base.samples, samples), rule));
  }

  return {
    look,
    restart() {
      past = [];
    },
    async begin() {
      if (stored) return;
      const reads = await readMembers(context);
      const now = new Date(context.clock.now()).toISOString();
      stored = { ledger: emptyLedger(now), samples: reads.flatMap((it) => (it.read ? [it.sample] : [])) };
      await writeStored(context, stored);
    },
    async save() {
      if (!stored) return null;
      await look();
      await writeStored(context, stored);
      return stored.ledger;
    },
    async forget() {
      await context.home.kube.delete(countersRef(context.migration), { signal: context.signal });
      stored = null;
    },
  };
}

/** Reads every member's callers at once; a member that can't be read is named, never counted as zero. */
export async function readMembers(context: EngineContext): Promise<readonly MemberSample[]> {
  return Promise.all(context.members.map((member) => readMember(context, member)));
}

export async function readMember(context: EngineContext, member: MemberCluster): Promise<MemberSample> {
  const { migration, signal } = context;
  const hosts = [...sides.map((side) => sideHost(migration, side)), serviceHost(migration)];
  try {
    const sample = await readCallers(member.kube, { hosts, port: migration.spec.service.port, signal });
    return { cluster: member.name, read: true, sample };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MeshliftError) return { cluster: member.name, read: false, why: error.why };
    throw error;
  }
}

/** Which side a host stands for, and which side an answer came from. */
export function sideRule(migration: Migration): SideRule {
  const service = serviceHost(migration);
  const vmWorkload = workloadGroupRef(migration).name;
  return {
    // Once the routes are gone, the service's own name is the pods.
    chosen: (host) => (host === service ? 'k8s' : sideOfHost(migration, host)),
    answered({ address, workload }): Side | null {
      if (workload !== null) return workload === vmWorkload ? 'vm' : 'k8s';
      if (address !== null) return address === migration.spec.vm.host ? 'vm' : 'k8s';
      return null;
    },
  };
}

export function windowsBetween(
  earlier: ReadonlyMap<string, CallerSample>,
  later: ReadonlyMap<string, CallerSample>,
): readonly CallerWindow[] {
  return [...later].flatMap(([cluster, sample]) => {
    const before = earlier.get(cluster);
    return before ? [subtract(sample, before)] : [];
  });
}

function gateWindow(seen: SplitTally): GateWindow {
  return { known: true, vm: sideWindow(seen, 'vm'), k8s: sideWindow(seen, 'k8s') };
}

function sideWindow(seen: SplitTally, side: Side): SideWindow {
  const { requests, failed, latency } = seen.chosen[side];
  return {
    requests,
    failed,
    caught: seen.caught[side],
    latency,
  };
}

function account(
  stored: Stored,
  samples: ReadonlyMap<string, CallerSample>,
  rule: SideRule,
  now: number,
): Stored {
  const before = new Map(stored.samples.map((sample) => [sample.cluster, sample]));
  const windows = windowsBetween(before, samples);
  return {
    ledger: addWindows(stored.ledger, windows, rule, new Date(now).toISOString()),
    samples: [...new Map([...before, ...samples]).values()],
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

async function readStored(context: EngineContext): Promise<Stored | null> {
  const object = await context.home.kube.get(countersRef(context.migration), context.signal);
  const text = (object?.data as { counters?: string } | undefined)?.counters;
  return text === undefined ? null : (JSON.parse(text, reviveInfinity) as Stored);
}

async function writeStored(context: EngineContext, stored: Stored): Promise<void> {
  const { name, ...ref } = countersRef(context.migration);
  await context.home.kube.apply(
    {
      apiVersion: ref.apiVersion,
      kind: ref.kind,
      metadata: { name, namespace: ref.namespace, labels: ownLabels(context.migration) },
      data: { counters: JSON.stringify(stored, keepInfinity) },
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
