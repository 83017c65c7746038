import type { Verdict } from './gate.ts';
import type { Phase } from './phase.ts';
import type { TrafficLedger } from './traffic-ledger.ts';
import type { Side, TrafficSplit } from './traffic-split.ts';

/** What is recorded in the home cluster, so that any engine can go on from where another stopped. Times are RFC 3339. */
export interface MigrationStatus {
  readonly phase: Phase;
  /** counts the engines that owned the migration, one after the other; an older one's writes are refused */
  readonly epoch: number;
  /** counts every write of a split; the routes carry it, so that a proxy's configuration names the write it serves */
  readonly generation: number;
  /** recorded before any cluster is written; still here after a crash, it says which write to settle */
  readonly intent: SplitIntent | null;
  /** the last split that every member cluster was verified to serve */
  readonly agreed: AgreedSplit | null;
  readonly outcome: Outcome;
  /** every split that was tried, oldest first; of very many, the latest */
  readonly splits: readonly SplitRecord[];
  readonly verdicts: readonly VerdictRecord[];
  /** every request since the first agreed split; null before it */
  readonly traffic: TrafficLedger | null;
  /** set by a person from any terminal; nothing goes forward as long as it is there */
  readonly paused: Pause | null;
  /** who did what and when, oldest first */
  readonly history: readonly HistoryRecord[];
  /** how the copy last answered mirrored requests; absent as long as none were */
  readonly mirrored?: {
    readonly at: string;
    readonly verdict: Verdict['verdict'];
    readonly because: string;
  };
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  /** when the VM was proven to get no request any more; it has left the mesh since, or is leaving it */
  readonly idleProvenAt: string | null;
  readonly retiredAt: string | null;
}

export interface SplitIntent {
  readonly generation: number;
  readonly split: TrafficSplit;
  readonly reason: string;
}

export interface AgreedSplit {
  readonly generation: number;
  readonly split: TrafficSplit;
  readonly at: string;
}

/** How the migration stands with its user: going on, or stopped with the reason and the way on. */
export interface Outcome {
  readonly state: 'Progressing' | 'Held' | 'RolledBack' | 'Failed';
  readonly reason: string;
  /** the command that goes on */
  readonly next: string;
  readonly at: string;
}

export interface Pause {
  readonly at: string;
  /** `user@host` */
  readonly by: string;
  readonly reason: string | null;
}

/** One line of the migration's history. */
export interface HistoryRecord {
  readonly at: string;
  /** who ran the command that did it, as `user@host` */
  readonly by: string;
  readonly what: HistoryKind;
  /** one sentence without a full stop */
  readonly message: string;
}

/**
 * `command`: somebody asked for something; `owner`: one engine took over from another; `act`: a change of the world
 * began; `done`, `failed`: how it ended; `phase`: another phase became true; `stopped`: an engine stopped, and why;
 * `paused`, `resumed`: a person's wish
 */
export type HistoryKind =
  | 'command'
  | 'owner'
  | 'act'
  | 'done'
  | 'failed'
  | 'phase'
  | 'stopped'
  | 'paused'
  | 'resumed';

export interface SplitRecord {
  readonly generation: number;
  readonly split: TrafficSplit;
  readonly reason: string;
  readonly at: string;
  /** who ran the command that wrote it, as `user@host`; absent in records of engines that did not say */
  readonly by?: string;
  readonly outcome: 'agreed' | 'returned';
  /** why it was not agreed; absent when it was */
  readonly failure?: string;
  readonly clusters: readonly ClusterSplitRecord[];
  /** between the first and the last cluster whose proxies all served it, in milliseconds */
  readonly skewMs: number | null;
  /** what began before and ran on, on the side that this split left nothing; absent when it left both something */
  readonly stillRunning?: { readonly side: Side; readonly running: number; readonly unread: number };
}

export interface ClusterSplitRecord {
  readonly cluster: string;
  /** until the API server had stored it */
  readonly writtenMs: number | null;
  /** until every calling proxy had acknowledged it */
  readonly acknowledgedMs: number | null;
  readonly proxies: {
    readonly acknowledged: number;
    readonly total: number;
    readonly slowest: string | null;
  };
  readonly seen: SeenSplit | null;
}

/** The share that callers really saw, from their own proxies' counters. */
export interface SeenSplit {
  readonly requests: number;
  readonly k8s: number;
  /** percent of requests, with its 95 % interval; null without a request */
  readonly k8sPercent: number | null;
  readonly interval: readonly [number, number] | null;
}

export interface VerdictRecord {
  readonly at: string;
  readonly split: TrafficSplit;
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'error';
  readonly because: string;
  readonly sides: Readonly<
    Record<
      Side,
      {
        readonly requests: number;
        readonly failed: number;
        /** answered by the other side, thanks to the net; absent in records of engines that did not say */
        readonly caught?: number;
        readonly p99Ms: number | null;
      }
    >
  >;
}

export const plannedStatus: MigrationStatus = {
  phase: 'Planned',
  epoch: 0,
  generation: 0,
  intent: null,
  agreed: null,
  outcome: { state: 'Progressing', reason: 'nothing has been changed yet', next: 'meshlift vm join', at: '' },
  splits: [],
  verdicts: [],
  traffic: null,
  paused: null,
  history: [],
  startedAt: null,
  completedAt: null,
  idleProvenAt: null,
  retiredAt: null,
};
