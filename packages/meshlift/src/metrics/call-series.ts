import type { Histogram } from './histogram.ts';

/** A pod whose proxy sends calls into the mesh. */
export interface Caller {
  /** the member cluster's name in the migration */
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  /** the owner's name as people know it (the Deployment's, not the ReplicaSet's) */
  readonly workload: string;
  /** changes whenever the proxy's counters start from zero: the pod's uid and its proxy container's id */
  readonly incarnation: string;
}

/** Who really answered, as far as the proxy tells: Istio's names the workload, the lab's the address as well. */
export interface Answerer {
  readonly workload: string | null;
  readonly namespace: string | null;
  /** IP address without port; the far gateway's for a pod behind one */
  readonly address: string | null;
}

/** Calls of one caller that were sent to the same host, answered by the same workload with the same outcome. */
export interface CallSeries {
  /** the host that the caller's route chose, fully qualified */
  readonly host: string;
  readonly port: number | null;
  readonly answerer: Answerer;
  /** HTTP status; 0 when the caller went away before an answer; null for a TCP connection */
  readonly responseCode: number | null;
  readonly grpcStatus: number | null;
  /** Envoy's response flags, such as `UF,URX`; empty when there are none */
  readonly flags: string;
  /** how many upstream requests a call took; null where the proxy doesn't tell */
  readonly attempts: number | null;
  readonly count: number;
}

/** How long the calls to one host, answered by one workload, took. */
export interface LatencySeries {
  readonly host: string;
  readonly port: number | null;
  readonly answerer: Answerer;
  readonly histogram: Histogram;
}

export interface CallerCounters {
  readonly caller: Caller;
  readonly calls: readonly CallSeries[];
  readonly latency: readonly LatencySeries[];
}

export interface UnreadCaller {
  readonly caller: Caller;
  readonly why: string;
}

/** The counters of every calling proxy of one cluster at one moment, counted since each proxy started. */
export interface CallerSample {
  readonly cluster: string;
  readonly callers: readonly CallerCounters[];
  /** proxies that gave no answer: what they sent is unknown, not zero */
  readonly unread: readonly UnreadCaller[];
}

/** What happened between two samples of one cluster. */
export interface CallerWindow {
  /** the calls of the window */
  readonly callers: readonly CallerCounters[];
  /** callers that could not be read at one of the window's ends: what they did is unknown */
  readonly unknown: readonly UnreadCaller[];
  /** started within the window; all they counted belongs to it */
  readonly appeared: readonly Caller[];
  /** gone before the window's end, with what they did since its start */
  readonly gone: readonly Caller[];
  /** counters began anew: counted from there, what came before in the window is lost */
  readonly restarted: readonly Caller[];
}
