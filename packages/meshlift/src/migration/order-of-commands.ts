import { type Decision, type ForwardGoal, type Goal, refused } from './decision.ts';
import type { Phase } from './phase.ts';
import { allOnK8s, sameSplit } from './traffic-split.ts';

/** A goal as the command that asks for it, without the program's name: `shift 20`. */
export function formatGoal(goal: Goal): string {
  switch (goal.do) {
    case 'join':
      return 'vm join';
    case 'shift':
      return `shift ${goal.split.k8s}`;
    case 'run':
      return `run --until ${goal.until.toLowerCase()}`;
    default:
      return goal.do;
  }
}

/** The phase in which a goal is reached. */
export function phaseWanted(goal: ForwardGoal): Phase {
  switch (goal.do) {
    case 'join':
      return 'Joined';
    case 'deploy':
      return 'Deployed';
    case 'shift':
      return sameSplit(goal.split, allOnK8s) ? 'Shifted' : 'Shifting';
    case 'complete':
      return 'Completed';
    case 'retire':
      return 'Retired';
    case 'run':
      return goal.until;
  }
}

/** The phase from which on a command may be given. */
export function phaseBefore(goal: Exclude<ForwardGoal, { do: 'run' }>): Phase {
  switch (goal.do) {
    case 'join':
      return 'Planned';
    case 'deploy':
      return 'Joined';
    case 'shift':
      return 'Deployed';
    case 'complete':
      return 'Deployed';
    case 'retire':
      return 'Completed';
  }
}

export function outOfOrder(phase: Phase, goal: Goal): Decision {
  const next: Record<Phase, string> = {
    Planned: 'meshlift vm join',
    Joined: 'meshlift deploy',
    Deployed: 'meshlift shift 20, or meshlift run',
    Shifting: 'meshlift shift 100, then meshlift complete, or meshlift run',
    Shifted: 'meshlift complete',
    Completed: 'meshlift retire',
    Retired: 'start a new migration',
  };
  return refused(`${goal.do} doesn't follow ${phase}`, next[phase]);
}
