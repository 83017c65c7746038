import type { GateAnswer } from '../effects/gate/port.ts';
import type { GateWindow } from './gate.ts';
import type { Phase } from './phase.ts';
import type { TrafficSplit } from './traffic-split.ts';

/** What one pass of the engine saw of the world. Absent, unreachable and unknown are values, never left out. */
export interface Observation {
  /** by member cluster name; every member is here */
  readonly members: Readonly<Record<string, MemberObservation>>;
  readonly vm: Health;
  readonly copy: Health;
  /** what callers saw since the agreed split, at most the last minute */
  readonly window: GateWindow;
  /** what the user's gates said last of the agreed split; empty without any */
  readonly gates: readonly GateAnswer[];
  /** the migrations that this one comes after, and how far they are */
  readonly predecessors: readonly Predecessor[];
}

export interface Predecessor {
  /** `namespace/name` */
  readonly migration: string;
  /** what this migration waits for */
  readonly wanted: Phase;
  /** null when its home cluster has no record of it */
  readonly phase: Phase | null;
}

export type MemberObservation =
  | { readonly reachable: false; readonly why: string }
  | {
      readonly reachable: true;
      readonly route: RouteObservation;
      /** what somebody did to the hosts behind our route, as a clause; absent when they are as they were written */
      readonly damage?: string;
    };

export type RouteObservation =
  | { readonly found: 'none' }
  | { readonly found: 'ours'; readonly generation: number; readonly split: TrafficSplit }
  /** under our name, but not what we could have written: someone edited it */
  | { readonly found: 'edited' };

export type Health =
  | { readonly is: 'healthy' }
  | { readonly is: 'unhealthy'; readonly why: string }
  | { readonly is: 'absent' }
  | { readonly is: 'unknown'; readonly why: string };
