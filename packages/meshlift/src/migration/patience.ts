import { formatDuration } from '../spec/duration.ts';
import type { Migration } from '../spec/migration.ts';
import { type Decision, type Goal, held, type WaitFor } from './decision.ts';
import { formatGoal } from './order-of-commands.ts';

type Deadlines = Migration['spec']['deadlines'];

/** Waits that end by themselves, or when the person who wanted them says so. */
type Endless = 'time' | 'resume';

/**
 * No wait without end: a wait that has lasted longer than the deadline of what it is for becomes a hold, with the
 * reason, and the command that goes on. `since` is when the engine last did something, or waited for time alone to
 * pass (ms since the epoch): waits for one thing and then another share one patience.
 */
export function withPatience(
  decision: Decision,
  { deadlines, goal, since, now }: { deadlines: Deadlines; goal: Goal; since: number; now: number },
): Decision {
  if (decision.kind !== 'wait' || isEndless(decision.for)) return decision;
  const patience = deadlines[deadlineOf(decision.for)];
  if (now - since < patience) return decision;
  const because = `${decision.because}; waited ${formatDuration(now - since)}`;
  const stop = held(because, `${remedy(decision.for)}, then: meshlift ${formatGoal(goal)}`);
  return { ...stop, ...(decision.verdict && { verdict: decision.verdict }) };
}

/** Whether this decision keeps an engine waiting for something that may never come. */
export function triesPatience(decision: Decision): boolean {
  return decision.kind === 'wait' && !isEndless(decision.for);
}

function isEndless(what: WaitFor): what is Endless {
  return what === 'time' || what === 'resume';
}

function deadlineOf(what: Exclude<WaitFor, Endless>): keyof Deadlines {
  switch (what) {
    case 'gate':
    case 'traffic':
      return 'traffic';
    case 'metrics':
      return 'metrics';
    case 'copy':
    case 'vm':
      return 'ready';
    case 'cluster':
      return 'reach';
    case 'predecessor':
      return 'after';
  }
}

function remedy(what: Exclude<WaitFor, Endless>): string {
  switch (what) {
    case 'gate':
      return 'meshlift rollback, or mend the copy';
    case 'traffic':
      return 'send more requests, or lower spec.rollout.gate.minRequests';
    case 'metrics':
      return 'bring the metrics back';
    case 'copy':
      return 'mend the copy (meshlift status says what is wrong), or meshlift rollback';
    case 'vm':
      return 'bring the VM back, or meshlift shift 100';
    case 'cluster':
      return 'bring it back';
    case 'predecessor':
      return 'finish that one';
  }
}
