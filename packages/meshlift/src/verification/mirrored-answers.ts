import { readProxyEndpoints } from '../effects/istiod/proxy-config.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
import { aloneHost } from '../mesh/names.ts';
import { callersAmong } from '../metrics/callers.ts';
import { emptyHistogram } from '../metrics/histogram.ts';
import type { GateWindow, SideWindow } from '../migration/gate.ts';

/** What the copy alone has answered to one caller, counted since its proxy knew the endpoint. */
interface Answers {
  readonly succeeded: number;
  readonly errors: number;
}

/** By caller and endpoint; a caller that could not be read is in `unread`. */
export interface MirroredAnswers {
  readonly counts: ReadonlyMap<string, Answers>;
  readonly unread: readonly string[];
}

/**
 * Reads how the copy answered what callers' proxies sent to it alone. Mirrored requests pass none of the filters that
 * count a caller's requests, so they are in no share and no side's figures; the endpoint's own counters have them.
 */
export async function readMirroredAnswers(context: EngineContext): Promise<MirroredAnswers> {
  const perMember = await Promise.all(context.members.map((member) => answersIn(context, member)));
  return {
    counts: new Map(perMember.flatMap(({ counts }) => [...counts])),
    unread: perMember.flatMap(({ unread }) => unread),
  };
}

async function answersIn(context: EngineContext, member: MemberCluster): Promise<MirroredAnswers> {
  const { migration, signal } = context;
  const host = aloneHost(migration, 'k8s');
  const pods = await member.kube.list({ apiVersion: 'v1', kind: 'Pod' }, signal);
  const counts = new Map<string, Answers>();
  const unread: string[] = [];
  await Promise.all(
    callersAmong(member.name, pods).map(async (caller) => {
      try {
        const endpoints = await readProxyEndpoints(member.kube, caller, signal);
        for (const it of endpoints.filter((endpoint) => endpoint.host === host)) {
          const key = `${member.name}/${caller.namespace}/${caller.pod}/${caller.incarnation}/${it.address}`;
          counts.set(key, { succeeded: it.succeeded, errors: it.errors });
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!isMeshliftError(error)) throw error;
        unread.push(`${caller.namespace}/${caller.pod} in ${member.name}: ${error.why}`);
      }
    }),
  );
  return { counts, unread };
}

/** What happened between two readings, as the gate judges it: the copy's side alone, without latencies. */
export function mirroredWindow(later: MirroredAnswers, earlier: MirroredAnswers): GateWindow {
  const missing = later.unread[0] ?? earlier.unread[0];
  if (missing !== undefined) return { known: false, because: `no metrics from ${missing}` };
  let succeeded = 0;
  let errors = 0;
  for (const [key, now] of later.counts) {
    // Fewer than before: the endpoint was taken up anew, and counts from zero.
    const before = earlier.counts.get(key) ?? nothing;
    const base = now.succeeded < before.succeeded || now.errors < before.errors ? nothing : before;
    succeeded += now.succeeded - base.succeeded;
    errors += now.errors - base.errors;
  }
  return { known: true, vm: side(0, 0), k8s: side(succeeded + errors, errors) };
}

const nothing: Answers = { succeeded: 0, errors: 0 };

function side(requests: number, failed: number): SideWindow {
  return { requests, failed, caught: 0, latency: emptyHistogram };
}
