/**
 * What the library says while it works. It never prints: the command line, a dashboard and tests are hosts that show,
 * store or assert what they are told.
 */
export interface MeshliftEvent {
  /** RFC 3339 */
  readonly time: string;
  /** stable, for machines and for searching */
  readonly code: EventCode;
  /** `step`: something begins; `done`: it is true now; `progress`: still under way; `warning`: look at this */
  readonly level: 'step' | 'done' | 'progress' | 'warning';
  /** one sentence for people, without a full stop */
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type EventCode =
  | 'decision'
  | 'vm-join'
  | 'vm-leave'
  | 'workload'
  | 'copy-test'
  | 'mirror'
  | 'side-hosts'
  | 'split-intent'
  | 'split-written'
  | 'split-acknowledged'
  | 'split-seen'
  | 'split-agreed'
  | 'split-returned'
  | 'gate'
  | 'wait'
  | 'still-running'
  | 'drain'
  | 'complete'
  | 'retire'
  | 'phase'
  | 'record'
  | 'owner';

export interface EventHost {
  notify(event: MeshliftEvent): void;
}
