import type { KubeReader } from '../effects/kube/port.ts';
import type { Caller, CallerCounters, CallerSample, UnreadCaller } from './call-series.ts';
import type { CallerSource, ReadOptions } from './caller-source.ts';
import { callersAmong } from './callers.ts';
import type { WantedCalls } from './normalise.ts';
import { forEachAtOnce, PageMemory, readCaller } from './read-callers.ts';

/** Listing a big cluster's pods costs more than reading a few proxies; a new caller's first calls are counted anyway. */
const listEveryMs = 5_000;
/** Who has not called for this long, or ever, is asked less often; nine in ten proxies of a mesh never call the service. */
const silentAfterMs = 10_000;
const silentEveryMs = 5_000;
const askAgainAfterMs = 60_000;

interface Known {
  readonly counters: CallerCounters;
  readonly readAt: number;
  /** when its counters last moved, as far as they were read; never: -Infinity */
  readonly activeAt: number;
}

interface PodList {
  readonly at: number;
  readonly callers: readonly Caller[];
  /** who is being ended: a proxy of theirs that doesn't answer any more is gone */
  readonly leaving: ReadonlySet<string>;
}

export interface ProxyCallersOptions extends WantedCalls {
  /** how many proxies are read at once; 8 unless given */
  readonly concurrency?: number;
  /** how long one proxy may take, milliseconds; 3000 unless given */
  readonly proxyTimeoutMs?: number;
}

/**
 * The calling proxies' own counters, read through the Kubernetes API: there in every mesh, and true to the second.
 * Remembers what reading again would only cost: which pods there are, who is silent, and which page a proxy has.
 */
export function proxyCallers(
  kube: KubeReader,
  options: ProxyCallersOptions,
  now: () => number,
): CallerSource {
  let list: PodList | null = null;
  const known = new Map<string, Known>();
  const memory = new PageMemory();
  /** an Envoy page that did not answer may only not have been up yet: they are asked again once in a while */
  let askedAgainAt = now();

  async function callers(signal: AbortSignal | undefined, atMostMs: number): Promise<readonly Caller[]> {
    if (list && now() - list.at < atMostMs) return list.callers;
    const pods = await kube.list(
      { apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Running' },
      signal,
    );
    const leaving = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    list = {
      at: now(),
      callers: callersAmong(kube.cluster, pods),
      leaving: new Set(callersAmong(kube.cluster, leaving).map(key)),
    };
    const present = new Set(list.callers.map(key));
    for (const gone of [...known.keys()].filter((it) => !present.has(it))) known.delete(gone);
    return list.callers;
  }

  function due(caller: Caller, at: number): boolean {
    const last = known.get(key(caller));
    return !last || at - last.activeAt < silentAfterMs || at - last.readAt >= silentEveryMs;
  }

  async function readAll(
    wanted: readonly Caller[],
    { signal, thorough = false }: ReadOptions,
  ): Promise<{ readonly sample: CallerSample; readonly stale: boolean }> {
    const at = now();
    if (at - askedAgainAt >= askAgainAfterMs) {
      memory.withoutEnvoyPage.clear();
      askedAgainAt = at;
    }
    const read: CallerCounters[] = [];
    const unread: UnreadCaller[] = [];
    let restarted = false;
    await forEachAtOnce(wanted, options.concurrency ?? 8, async (caller) => {
      const last = known.get(key(caller));
      if (last && !thorough && !due(caller, at)) {
        read.push(last.counters);
        return;
      }
      const found = await readCaller(kube, caller, { ...options, ...(signal && { signal }) }, memory);
      if ('why' in found) {
        unread.push(found);
        return;
      }
      const grown = last ? callCount(found) - callCount(last.counters) : 0;
      restarted ||= grown < 0;
      const active = last ? grown !== 0 : callCount(found) > 0;
      const activeAt = active ? at : (last?.activeAt ?? Number.NEGATIVE_INFINITY);
      known.set(key(caller), { counters: found, readAt: at, activeAt });
      read.push(found);
    });
    return {
      sample: { cluster: kube.cluster, callers: read, unread },
      stale: unread.length > 0 || restarted,
    };
  }

  return {
    async read(asked = {}) {
      const { sample, stale } = await readAll(await callers(asked.signal, listEveryMs), asked);
      if (!stale) return sample;
      // The pods were listed a while ago: who can't be read may be gone, and who counts anew is another one.
      const present = new Map((await callers(asked.signal, 1)).map((it) => [podKey(it), it]));
      return {
        ...sample,
        callers: sample.callers.map((it) => ({ ...it, caller: present.get(podKey(it.caller)) ?? it.caller })),
        unread: sample.unread.flatMap(({ caller, why }) => {
          const it = present.get(podKey(caller));
          return it && !list?.leaving.has(key(it)) ? [{ caller: it, why }] : [];
        }),
      };
    },
  };
}

/** A restarted proxy is another caller: nothing that was known of the one before holds for it. */
function key(caller: Caller): string {
  return `${podKey(caller)}/${caller.incarnation}`;
}

function podKey({ namespace, pod }: Caller): string {
  return `${namespace}/${pod}`;
}

function callCount({ calls }: CallerCounters): number {
  return calls.reduce((total, { count }) => total + count, 0);
}
