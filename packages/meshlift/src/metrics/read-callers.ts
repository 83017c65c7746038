import type { KubeObject, KubeReader } from '../effects/kube/port.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Caller, CallerCounters, CallerSample, UnreadCaller } from './call-series.ts';
import { callersAmong } from './callers.ts';
import { callSeries, type WantedCalls } from './normalise.ts';
import { LabelMemory } from './prometheus-text.ts';

export interface ReadCallersOptions extends WantedCalls {
  readonly signal?: AbortSignal;
  /** how many proxies are read at once; 16 unless given */
  readonly concurrency?: number;
  /** how long one proxy may take, milliseconds, so that one that hangs does not hold up the others' sample; 3000 unless given */
  readonly proxyTimeoutMs?: number;
  /** the cluster's pods, where they were listed already */
  readonly pods?: readonly KubeObject[];
  /** whether to read how long calls took, which is most of what is sent; true unless given */
  readonly latency?: boolean;
}

interface StatsPage {
  readonly port: number;
  readonly path: string;
}

/** The agent's page: Envoy's counters whole, with the application's own. Every Istio proxy has it. */
const agentPage: StatsPage = { port: 15020, path: '/stats/prometheus' };

/**
 * Envoy's own page, of which it sends only what is asked for: far less for it to write and for us to read. It matches
 * the filter against a counter's full name, in which all its labels are written out, `reporter` first.
 */
function envoyPage({ hosts, latency = true }: ReadCallersOptions): StatsPage {
  const families = [
    'requests_total',
    'tcp_connections_(opened|closed)_total',
    ...(latency ? ['request_duration_milliseconds'] : []),
  ];
  const ofHosts = hosts.map((host) => host.replaceAll('.', '\\.')).join('|');
  const filter = `istio_(${families.join('|')}).*source.*(${ofHosts})`;
  return { port: 15090, path: `/stats/prometheus?filter=${encodeURIComponent(filter)}` };
}

/**
 * Reads the counters of every calling proxy of a cluster through the Kubernetes API. A proxy that cannot be read is
 * named in `unread`; the whole sample is rejected only when the pods cannot be listed or the signal aborts.
 */
export async function readCallers(cluster: KubeReader, options: ReadCallersOptions): Promise<CallerSample> {
  const { signal } = options;
  const pods = options.pods ?? (await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, signal));
  const callers: CallerCounters[] = [];
  const unread: UnreadCaller[] = [];
  await forEachAtOnce(callersAmong(cluster.cluster, pods), options.concurrency ?? 16, async (caller) => {
    const read = await readCaller(cluster, caller, options);
    if ('why' in read) unread.push(read);
    else callers.push(read);
  });
  return { cluster: cluster.cluster, callers, unread };
}

/** Does something with every item, with so many at once and no more. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const workOff = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, workOff));
}

/** What reading the same proxies again and again can do without finding out anew. */
export class PageMemory {
  readonly labels = new LabelMemory();
  /** `NAMESPACE/POD` of who has only the agent's page */
  readonly withoutEnvoyPage = new Set<string>();
}

/** One proxy's counters, or why they could not be had. */
export async function readCaller(
  cluster: KubeReader,
  caller: Caller,
  options: ReadCallersOptions,
  memory: PageMemory = new PageMemory(),
): Promise<CallerCounters | UnreadCaller> {
  const { signal, proxyTimeoutMs = 3_000 } = options;
  signal?.throwIfAborted();
  // By hand and cleared up: a signal of AbortSignal.any stays with an engine's signal for as long as that lives.
  const within = new AbortController();
  const abort = () => within.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    within.abort(new Error('late'));
  }, proxyTimeoutMs);
  try {
    const text = await readStats(cluster, caller, { ...options, signal: within.signal }, memory);
    return { caller, ...callSeries(text, options, memory.labels) };
  } catch (error) {
    signal?.throwIfAborted();
    if (late) return { caller, why: `no answer within ${proxyTimeoutMs} ms` };
    if (!isMeshliftError(error)) throw error;
    return { caller, why: error.why };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** A proxy may be set up without Envoy's own page. */
async function readStats(
  cluster: KubeReader,
  { namespace, pod }: Caller,
  options: ReadCallersOptions,
  { withoutEnvoyPage }: PageMemory,
): Promise<string> {
  const read = ({ port, path }: StatsPage) => cluster.podGet({ namespace, pod, port }, path, options.signal);
  const name = `${namespace}/${pod}`;
  if (withoutEnvoyPage.has(name)) return read(agentPage);
  try {
    return await read(envoyPage(options));
  } catch (error) {
    if (!isMeshliftError(error, 'cluster-refused')) throw error;
    const text = await read(agentPage);
    withoutEnvoyPage.add(name);
    return text;
  }
}
