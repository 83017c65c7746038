import { withLine } from './history.ts';
import type { HistoryKind, MigrationStatus, SplitRecord, VerdictRecord } from './status.ts';

/** What an engine adds to the record at one time: new values, and one more entry at the end of its lists. */
export interface Change
  extends Partial<Omit<MigrationStatus, 'splits' | 'verdicts' | 'history' | 'paused' | 'epoch'>> {
  readonly split?: SplitRecord;
  /** of the last split: what was found to run on after it was agreed */
  readonly stillRunning?: SplitRecord['stillRunning'];
  readonly verdict?: VerdictRecord;
  readonly line?: { readonly what: HistoryKind; readonly message: string };
}

/** Who records, as which owner of the migration, and when. */
export interface Recorder {
  readonly epoch: number;
  readonly by: string;
  readonly at: string;
}

/** Enough to explain every step of a long migration, small enough for one Kubernetes object (1.5 MB) with four clusters. */
const mostVerdicts = 500;
/** Each tells what every cluster did and saw: some kilobytes. */
const mostSplits = 100;

/** The record after a change. What it says of other matters, among them what a person wants, stays as it is. */
export function withChange(status: MigrationStatus, change: Change, recorder: Recorder): MigrationStatus {
  const { split: _split, stillRunning: _last, verdict, line, ...values } = change;
  const { at, by, epoch } = recorder;
  return {
    ...status,
    ...values,
    epoch,
    // Writes that could not be recorded when they were made may have been counted from an older record.
    generation: Math.max(status.generation, values.generation ?? 0),
    splits: splitsAfter(status.splits, change),
    verdicts: verdict ? [...status.verdicts, verdict].slice(-mostVerdicts) : status.verdicts,
    history: line ? withLine(status.history, { at, by, ...line }) : status.history,
  };
}

function splitsAfter(
  splits: readonly SplitRecord[],
  { split, stillRunning }: Change,
): readonly SplitRecord[] {
  if (split) return [...splits, split].slice(-mostSplits);
  const last = splits.at(-1);
  return stillRunning && last ? [...splits.slice(0, -1), { ...last, stillRunning }] : splits;
}
