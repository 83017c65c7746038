import { type PlannedObject, planAct } from '../actions/plan.ts';
import { decide } from '../migration/decide.ts';
import type { Act, Decision, Goal } from '../migration/decision.ts';
import type { EngineContext } from './context.ts';
import { readStatus } from './journal.ts';
import { observe } from './observe.ts';
import { watchTraffic } from './traffic-watch.ts';

/** What a command would do now, and why. Later acts depend on what callers see then, so only the next one is here. */
export interface Rehearsal {
  readonly decision: Decision;
  readonly objects: readonly PlannedObject[];
  /** what the next act would do on the VM itself; null when it would not touch it */
  readonly onVm: string | null;
}

/** Looks and decides as `drive` does, and stops short of acting. Writes nothing. */
export async function rehearse(context: EngineContext, goal: Goal): Promise<Rehearsal> {
  const status = await readStatus(context);
  const seen = await observe(context, await watchTraffic(context));
  const decision = decide(context.migration, status, seen, goal, context.clock.now());
  if (decision.kind !== 'act') return { decision, objects: [], onVm: null };
  return {
    decision,
    objects: await planAct(context, status, decision.act),
    onVm: onVm(decision.act),
  };
}

function onVm(act: Act): string | null {
  if (act.do === 'join' || act.do === 'rejoin')
    return 'record what is there, then install, configure and start the Istio sidecar (meshlift vm leave puts everything back)';
  if (act.do === 'retire')
    return 'watch that no request comes for spec.retire.idle, then stop the sidecar and put back, file for file, what was there before; the service itself is not touched';
  return null;
}
