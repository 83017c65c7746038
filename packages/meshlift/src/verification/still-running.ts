import { type ProxyEndpoint, readProxyEndpoints } from '../effects/istiod/proxy-config.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
import { ownHosts } from '../mesh/names.ts';
import { isVmEndpoint } from '../mesh/vm-workload.ts';
import type { Caller } from '../metrics/call-series.ts';
import { callersAmong } from '../metrics/callers.ts';
import { type Side, sides } from '../migration/traffic-split.ts';
import { portsOf } from '../spec/migration.ts';

/** What runs now on each side: requests and streams, or connections of a TCP service, as callers' proxies count them. */
export interface StillRunning {
  readonly sides: Readonly<Record<Side, number>>;
  /** callers that have something running, `namespace/pod in cluster`, those with most first */
  readonly callers: readonly { readonly caller: string; readonly running: number }[];
  /** callers that could not be read: what runs there is unknown, not nothing */
  readonly unread: readonly string[];
}

const readsAtOnce = 16;

/** Asks every calling proxy of every member, gateways included, what it has under way by way of the side hosts. */
export async function stillRunning(context: EngineContext): Promise<StillRunning> {
  const perMember = await Promise.all(context.members.map((member) => runningIn(context, member)));
  const found = perMember.flat();
  const read = found.flatMap((it) => (it.running ? [{ caller: it.caller, sides: it.running }] : []));
  const total = (side: Side) => read.reduce((sum, it) => sum + it.sides[side], 0);
  return {
    sides: { vm: total('vm'), k8s: total('k8s') },
    callers: read
      .map(({ caller, sides: both }) => ({ caller, running: both.vm + both.k8s }))
      .filter(({ running }) => running > 0)
      .toSorted((a, b) => b.running - a.running),
    unread: found.flatMap((it) => (it.running ? [] : [it.caller])),
  };
}

interface CallerRunning {
  readonly caller: string;
  /** null: it could not be read */
  readonly running: Readonly<Record<Side, number>> | null;
}

async function runningIn(context: EngineContext, member: MemberCluster): Promise<readonly CallerRunning[]> {
  const pods = await member.kube.list({ apiVersion: 'v1', kind: 'Pod' }, context.signal);
  const waiting = [...callersAmong(member.name, pods)];
  const found: CallerRunning[] = [];
  const readNext = async (): Promise<void> => {
    for (let caller = waiting.shift(); caller !== undefined; caller = waiting.shift())
      found.push({ caller: named(caller), running: await runningAt(context, member, caller) });
  };
  await Promise.all(Array.from({ length: readsAtOnce }, readNext));
  return found;
}

async function runningAt(
  context: EngineContext,
  { kube }: MemberCluster,
  caller: Caller,
): Promise<Readonly<Record<Side, number>> | null> {
  try {
    const own = ownHosts(context.migration);
    const ports = new Set(portsOf(context.migration).map(({ port }) => port));
    const endpoints = await readProxyEndpoints(kube, caller, context.signal);
    const ours = endpoints.filter((it) => own.has(it.host) && ports.has(it.port));
    const [vm, k8s] = sides.map((side) =>
      ours
        .filter((it) => sideOf(context, it) === side)
        .reduce((sum, { activeRequests }) => sum + activeRequests, 0),
    );
    return { vm: vm ?? 0, k8s: k8s ?? 0 };
  } catch (error) {
    context.signal.throwIfAborted();
    if (isMeshliftError(error)) return null;
    throw error;
  }
}

/** Who really runs it, whichever side's host it was sent to. */
function sideOf({ migration }: EngineContext, { address }: ProxyEndpoint): Side {
  return isVmEndpoint(migration, address) ? 'vm' : 'k8s';
}

function named({ namespace, pod, cluster }: Caller): string {
  return `${namespace}/${pod} in ${cluster}`;
}
