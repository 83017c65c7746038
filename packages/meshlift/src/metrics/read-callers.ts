import type { KubeObject, KubeReader } from '../effects/kube/port.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Caller, CallerCounters, CallerSample, UnreadCaller } from './call-series.ts';
import { callersAmong } from './callers.ts';
import { callSeries, type WantedCalls } from './normalise.ts';

export interface ReadCallersOptions extends WantedCalls {
  readonly signal?: AbortSignal;
  /** how many proxies are read at once; 16 unless given */
  readonly concurrency?: number;
  /** the cluster's pods, where they were listed already */
  readonly pods?: readonly KubeObject[];
}

const statsPort = 15020;
const statsPath = '/stats/prometheus';

/**
 * Reads the counters of every calling proxy of a cluster through the Kubernetes API. A proxy that cannot be read is
 * named in `unread`; the whole sample is rejected only when the pods cannot be listed or the signal aborts.
 */
export async function readCallers(cluster: KubeReader, options: ReadCallersOptions): Promise<CallerSample> {
  const { signal } = options;
  const pods = options.pods ?? (await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, signal));
  const waiting = [...callersAmong(cluster.cluster, pods)];
  const callers: CallerCounters[] = [];
  const unread: UnreadCaller[] = [];

  const readNext = async (): Promise<void> => {
    for (let caller = waiting.shift(); caller !== undefined; caller = waiting.shift()) {
      const read = await readCaller(cluster, caller, options);
      if ('why' in read) unread.push(read);
      else callers.push(read);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 16 }, readNext));
  return { cluster: cluster.cluster, callers, unread };
}

async function readCaller(
  cluster: KubeReader,
  caller: Caller,
  options: ReadCallersOptions,
): Promise<CallerCounters | UnreadCaller> {
  try {
    const target = { namespace: caller.namespace, pod: caller.pod, port: statsPort };
    const text = await cluster.podGet(target, statsPath, options.signal);
    return { caller, ...callSeries(text, options) };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isMeshliftError(error)) throw error;
    return { caller, why: error.why };
  }
}
