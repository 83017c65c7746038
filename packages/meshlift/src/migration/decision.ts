import type { Verdict } from './gate.ts';
import type { Phase } from './phase.ts';
import type { TrafficSplit } from './traffic-split.ts';

/** What the user asked for. The engine goes on until it is true, or says why it stopped. */
export type Goal =
  | { readonly do: 'join' }
  | { readonly do: 'deploy' }
  | { readonly do: 'shift'; readonly split: TrafficSplit }
  | { readonly do: 'run'; readonly until: 'Completed' | 'Retired' }
  | { readonly do: 'complete' }
  | { readonly do: 'retire' }
  /** `force`: also onto a VM that is known to be down, on the word of whoever asks */
  | { readonly do: 'rollback'; readonly force?: boolean };

/** One change of the world; each verifies itself before it counts as done. */
export type Act =
  | { readonly do: 'join' }
  /** the VM alone: no route and no phase changes */
  | { readonly do: 'rejoin' }
  | { readonly do: 'deploy' }
  | {
      readonly do: 'split';
      readonly split: TrafficSplit;
      readonly cause: SplitCause;
      readonly reason: string;
    }
  /** the copy answers mirrored requests, before the first step gives it any of its own */
  | { readonly do: 'mirror' }
  | { readonly do: 'complete' }
  | { readonly do: 'retire' };

/** Why a split is written: forward by a step or by hand, back by a person or by the gate, or the same again. */
export type SplitCause =
  | 'join'
  | 'step'
  /** all on the VM still, with requests mirrored to the copy */
  | 'mirror'
  | 'shift'
  | 'rollback'
  /** back, because the copy is bad */
  | 'gate'
  /** forward, because the VM is down and the copy has conclusively passed */
  | 'forward'
  | 'settle'
  | 'drift'
  | 'return';

/** What must happen for a wait to end. All but the first and the last have a deadline, after which the migration holds. */
export type WaitFor =
  | 'time'
  | 'gate'
  | 'traffic'
  | 'metrics'
  | 'copy'
  | 'vm'
  | 'cluster'
  | 'predecessor'
  | 'resume';

/** The next move, always with its reason in a sentence that can stand in a log. */
export type Decision =
  | { readonly kind: 'act'; readonly act: Act; readonly because: string; readonly verdict?: Verdict }
  /** nothing to change but the record: the phase that has become true */
  | { readonly kind: 'record'; readonly phase: Phase; readonly because: string; readonly verdict?: Verdict }
  /** look again; `until` is when time alone decides (ms since the epoch), null when something else must happen */
  | {
      readonly kind: 'wait';
      readonly for: WaitFor;
      readonly until: number | null;
      readonly because: string;
      readonly verdict?: Verdict;
    }
  | {
      readonly kind: 'stop';
      readonly outcome: 'done' | 'held' | 'refused';
      readonly because: string;
      readonly next: string;
      readonly verdict?: Verdict;
    };

export type Stop = Extract<Decision, { kind: 'stop' }>;

export type ForwardGoal = Exclude<Goal, { do: 'rollback' }>;

export function act(
  it: Extract<Decision, { kind: 'act' }>['act'],
  because: string,
): Extract<Decision, { kind: 'act' }> {
  return { kind: 'act', act: it, because };
}

export function done(because: string): Stop {
  return { kind: 'stop', outcome: 'done', because, next: 'meshlift status' };
}

export function held(because: string, next: string): Stop {
  return { kind: 'stop', outcome: 'held', because, next };
}

/** Looks again until something else has happened. */
export function wait(
  what: Exclude<WaitFor, 'time'>,
  because: string,
  verdict?: Verdict,
): Extract<Decision, { kind: 'wait' }> {
  return { kind: 'wait', for: what, until: null, because, ...(verdict && { verdict }) };
}

export function refused(because: string, next: string): Stop {
  return { kind: 'stop', outcome: 'refused', because, next };
}
