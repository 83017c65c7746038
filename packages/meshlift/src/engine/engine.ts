import { complete } from '../actions/complete.ts';
import { deployWorkload } from '../actions/deploy-workload.ts';
import { bringVmsIn, joinVm } from '../actions/join-vm.ts';
import { mirrorTraffic } from '../actions/mirror-traffic.ts';
import { retireVm } from '../actions/retire-vm.ts';
import { writeSplit } from '../actions/write-split.ts';
import { isMeshliftError } from '../errors/error.ts';
import { quantile } from '../metrics/histogram.ts';
import { achieved, decide, isJudged } from '../migration/decide.ts';
import { type Act, type Decision, type Goal, wait } from '../migration/decision.ts';
import type { GateWindow, SideWindow, Verdict } from '../migration/gate.ts';
import { refuseRollback } from '../migration/going-back.ts';
import type { Observation } from '../migration/observation.ts';
import { formatGoal } from '../migration/order-of-commands.ts';
import { triesPatience, withPatience } from '../migration/patience.ts';
import type { MigrationStatus, Outcome, VerdictRecord } from '../migration/status.ts';
import { allOnVm, formatSplit } from '../migration/traffic-split.ts';
import { type EngineContext, type OwnedContext, tell } from './context.ts';
import { type Journal, openJournal, openJournalAway, readRecord } from './journal.ts';
import { observe, vmHealth } from './observe.ts';
import { whileOwning } from './ownership.ts';
import { refuseCycle } from './predecessors.ts';
import { statusByRoutes } from './status-by-routes.ts';
import { type TrafficWatch, watchTraffic } from './traffic-watch.ts';
import { type UserGates, userGates } from './user-gates.ts';

/** How a command ended: what it asked for is true, it holds, it was refused, or the gate took everything back. */
export interface Ending {
  readonly outcome: 'done' | 'held' | 'refused' | 'rolledBack';
  readonly because: string;
  readonly next: string;
  readonly status: MigrationStatus;
}

/**
 * Drives a migration to a goal. Every pass re-reads the world, decides, acts, verifies and records, so that the
 * process may be killed at any line: the next one goes on from what is true, not from what was planned. A rollback
 * begins whoever else drives the migration, and whether or not the home cluster answers; one that can't be made stops nobody.
 *
 * `preflight` looks, before anything is written, whether this may begin; anything but null that it answers is the end. A
 * rollback has none but its own rules.
 */
export async function drive<Refusal = never>(
  context: EngineContext,
  goal: Goal,
  preflight: () => Promise<Refusal | null> = async () => null,
): Promise<Ending | Refusal> {
  const urgent = goal.do === 'rollback';
  return whileOwning<Ending | Refusal>(
    context,
    async (owned) => {
      // What callers saw is reckoned from the record; all else can be looked at while that is opened.
      const ahead = isJudged(goal) ? null : observe(owned, unasked);
      ahead?.catch(() => undefined); // heard in the first pass
      const { journal, traffic } = await openRecords(owned, goal);
      recordCommand(owned, journal, goal);
      try {
        const ending = await pursue(owned, journal, traffic, goal, ahead);
        await saveTraffic(owned, journal, traffic);
        await journal.flush();
        return { ...ending, status: journal.status };
      } catch (error) {
        // What callers saw belongs to the record all the more when it went wrong; but what went wrong is told first.
        if (!owned.signal.aborted && !isMeshliftError(error, 'owned-by-another')) {
          await saveTraffic(owned, journal, traffic)
            .then(journal.flush)
            .catch((second: unknown) => notSaved(owned, second));
        }
        throw error;
      }
    },
    { takeOver: urgent, withoutHome: urgent, unless: urgent ? refusedRollback(context, goal) : preflight() },
  );
}

/**
 * A rollback that can't be made stops nobody: whoever drives the migration may just be taking everything to the side that
 * is well. Null as well when the home cluster does not answer: then nobody knows that the VM is down.
 */
async function refusedRollback(
  context: EngineContext,
  goal: Extract<Goal, { do: 'rollback' }>,
): Promise<Ending | null> {
  try {
    const [{ status }, vm] = await Promise.all([readRecord(context), vmHealth(context)]);
    if (status.phase === 'Retired') return null;
    const refusal = refuseRollback(status, vm, goal);
    return refusal && { outcome: 'refused', because: refusal.because, next: refusal.next, status };
  } catch (error) {
    if (isMeshliftError(error, 'cluster-unreachable')) return null;
    throw error;
  }
}

async function openRecords(
  owned: OwnedContext,
  goal: Goal,
): Promise<{ readonly journal: Journal; readonly traffic: TrafficWatch }> {
  try {
    const [journal, traffic] = await Promise.all([
      openJournal(owned),
      watchTraffic(owned),
      goal.do === 'rollback' ? null : refuseCycle(owned),
    ]);
    return { journal, traffic };
  } catch (error) {
    if (goal.do !== 'rollback' || !isMeshliftError(error, 'cluster-unreachable')) throw error;
    const known = await statusByRoutes(owned, error);
    tell(owned, 'record', 'warning', `${error.message}; going by what the other clusters have`);
    return {
      journal: openJournalAway(owned, known),
      traffic: await watchTraffic(owned, { withoutRecord: true }),
    };
  }
}

/** What was asked for belongs to the history, as long as there is a migration that it can concern. */
function recordCommand(context: EngineContext, journal: Journal, goal: Goal): void {
  if (journal.status.phase === 'Retired') return;
  journal.jot({
    ...(!journal.status.startedAt && { startedAt: timestamp(context) }),
    line: { what: 'command', message: formatGoal(goal) },
  });
}

/** What one pass came to: an end, something done, or nothing but time passing. */
type Pass = Ending | 'acted' | 'waited';

/** What an engine is after, from one pass to the next. */
interface Pursuit {
  /** what was asked for; a way back, once the gate has taken everything back while a cluster was out of reach */
  goal: Goal;
  /** the gate's reason for that way back */
  takenBack: string | null;
  acted: boolean;
  /** when something was last done, or time alone was waited for, ms since the epoch */
  since: number;
}

async function pursue(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  goal: Goal,
  ahead: Promise<Observation> | null,
): Promise<Ending> {
  const { clock, migration, signal } = context;
  const { deadlines, rollout } = migration.spec;
  const gates = userGates(context);
  const pursuit: Pursuit = { goal, takenBack: null, acted: false, since: clock.now() };
  try {
    for (let first = true; ; first = false) {
      try {
        // It was only just opened.
        if (!first) await journal.refresh();
        const came = await pass(context, journal, traffic, gates, pursuit, first ? ahead : null);
        if (typeof came === 'object') return came;
        if (came === 'acted') {
          Object.assign(pursuit, { acted: true, since: clock.now() });
          // An act has verified what it did: what it made true needs no second look at the world.
          const done = achieved(journal.status, pursuit.goal);
          if (done) return finish(context, journal, done, pursuit);
          await saveTraffic(context, journal, traffic);
        }
      } catch (error) {
        if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
        // What does not answer now may answer soon: the next pass goes on from what is true then.
        tell(context, 'wait', 'warning', error.message);
        const patience = { deadlines, goal: pursuit.goal, since: pursuit.since, now: clock.now() };
        const decision = withPatience(wait('cluster', error.message), patience);
        if (decision.kind === 'stop') return finish(context, journal, decision, pursuit);
        await clock.wait(rollout.gate.interval, signal);
      }
    }
  } finally {
    gates.stop();
  }
}

async function pass(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  gates: UserGates,
  pursuit: Pursuit,
  ahead: Promise<Observation> | null,
): Promise<Pass> {
  const { goal } = pursuit;
  const judged = isJudged(goal);
  const observed = await (ahead ?? observe(context, judged ? traffic : unasked));
  const seen = { ...observed, gates: judged ? gates.answers(journal.status, observed) : [] };
  const now = context.clock.now();
  const next = decide(context.migration, journal.status, seen, goal, now);
  if (next.kind === 'wait' && !triesPatience(next)) pursuit.since = now;
  const { deadlines } = context.migration.spec;
  const decision = withPatience(next, { deadlines, goal, since: pursuit.since, now });
  await recordVerdict(context, journal, seen.window, decision.verdict);
  switch (decision.kind) {
    case 'act':
      tell(context, 'decision', 'step', `${headline(decision.act)}: ${decision.because}`, {
        act: decision.act,
      });
      return (await performOnRecord(context, journal, traffic, decision, pursuit)) ?? 'acted';
    case 'record':
      await journal.record({
        phase: decision.phase,
        line: { what: 'phase', message: `${decision.phase}: ${decision.because}` },
      });
      tell(context, 'phase', 'done', `${decision.phase}: ${decision.because}`, { phase: decision.phase });
      return 'acted';
    case 'wait':
      // A verdict has been told already, with its reason.
      if (decision.because !== decision.verdict?.because)
        tell(context, 'wait', 'progress', decision.because, { until: decision.until });
      await context.clock.wait(nextLook(context, decision.until, now), context.signal);
      return 'waited';
    case 'stop':
      return finish(context, journal, decision, pursuit);
  }
}

/** For decisions that don't depend on what callers see. */
const unasked: Pick<TrafficWatch, 'look'> = {
  look: async () => ({ known: false, because: 'nobody asked what callers saw' }),
};

/** An act in the history: that it began, and why; that it failed, and why; that it is done. */
async function performOnRecord(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  { act, because }: Extract<Decision, { kind: 'act' }>,
  pursuit: Pursuit,
): Promise<Ending | null> {
  const begun = { line: { what: 'act', message: `${headline(act)}: ${because}` } } as const;
  // A split begins by recording what it intends.
  if (act.do === 'split') journal.jot(begun);
  else await journal.note(begun);
  try {
    return await perform(context, journal, traffic, act);
  } catch (error) {
    const lost = isMeshliftError(error, 'owned-by-another') || context.signal.aborted;
    if (lost || !isMeshliftError(error)) throw error;
    const { message, next } = error;
    const line = { what: 'failed', message: `${headline(act)}: ${message}` } as const;
    if (error.code === 'cluster-unreachable') {
      await journal.note({ line });
      // The copy is not tried again before all are back on the VM, and somebody has looked at it.
      if (act.do === 'split' && act.cause === 'gate')
        Object.assign(pursuit, { goal: { do: 'rollback' }, takenBack: act.reason });
    } else {
      await journal.note({ outcome: outcome(context, 'Held', message, next), line });
    }
    throw error;
  }
}

async function perform(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
  act: Act,
): Promise<Ending | null> {
  switch (act.do) {
    case 'join':
      await joinVm(context, journal, traffic);
      break;
    case 'rejoin':
      await bringVmsIn(context);
      break;
    case 'deploy':
      await deployWorkload(context, journal);
      break;
    case 'split':
      await writeSplit(context, journal, traffic, act);
      if (act.cause === 'gate') return takenBack(context, journal, act.reason);
      break;
    case 'mirror':
      await mirrorTraffic(context, journal, traffic);
      break;
    case 'complete':
      await complete(context, journal, traffic);
      break;
    case 'retire':
      await retireVm(context, journal, traffic);
      break;
  }
  journal.jot({
    outcome: standing(context, act),
    line: { what: 'done', message: headline(act) },
  });
  return null;
}

async function takenBack(context: EngineContext, journal: Journal, reason: string): Promise<Ending> {
  const because = `the gate took everything back to the VM: ${reason}`;
  const next = 'mend the copy, then: meshlift run';
  await journal.note({
    outcome: outcome(context, 'RolledBack', because, next),
    line: { what: 'stopped', message: because },
  });
  return { outcome: 'rolledBack', because, next, status: journal.status };
}

async function finish(
  context: EngineContext,
  journal: Journal,
  stop: Extract<Decision, { kind: 'stop' }>,
  { acted, takenBack: reason }: Pursuit,
): Promise<Ending> {
  if (reason !== null && stop.outcome === 'done') return takenBack(context, journal, reason);
  if (stop.outcome === 'done' && acted) {
    const { phase, agreed } = journal.status;
    const because = `the migration is ${phase}${agreed ? `, with ${formatSplit(agreed.split)} in every cluster` : ''}`;
    return { outcome: 'done', because, next: stop.next, status: journal.status };
  }
  if (stop.outcome === 'held')
    await journal.note({
      outcome: outcome(context, 'Held', stop.because, stop.next),
      line: { what: 'stopped', message: stop.because },
    });
  return { outcome: stop.outcome, because: stop.because, next: stop.next, status: journal.status };
}

async function recordVerdict(
  context: EngineContext,
  journal: Journal,
  window: GateWindow,
  verdict: Verdict | undefined,
): Promise<void> {
  if (!verdict) return;
  const seen = window.known ? window : window.soFar;
  const sides = seen ? { vm: figures(seen.vm), k8s: figures(seen.k8s) } : { vm: nothing, k8s: nothing };
  const record: VerdictRecord = {
    at: timestamp(context),
    split: journal.status.agreed?.split ?? allOnVm,
    verdict: verdict.verdict,
    because: verdict.because,
    sides,
  };
  tell(
    context,
    'gate',
    verdict.verdict === 'fail' ? 'warning' : 'progress',
    `${verdict.verdict}: ${verdict.because}`,
    { ...record },
  );
  await journal.note({ verdict: record });
}

const nothing = { requests: 0, failed: 0, caught: 0, p99Ms: null };

function figures({ requests, failed, caught, latency }: SideWindow) {
  return { requests, failed, caught, p99Ms: quantile(latency, 0.99) };
}

/** A home cluster that does not answer now is no reason to stop: the next time saves what this one would have. */
async function saveTraffic(context: EngineContext, journal: Journal, traffic: TrafficWatch): Promise<void> {
  try {
    const ledger = await traffic.save();
    if (ledger) await journal.record({ traffic: ledger });
  } catch (error) {
    if (!isMeshliftError(error, 'cluster-unreachable')) throw error;
    notSaved(context, error);
  }
}

function notSaved(context: EngineContext, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  tell(context, 'record', 'warning', `what callers saw last is not in the record: ${why}`);
}

function standing(context: EngineContext, act: Act): Outcome {
  if (act.do === 'split' && act.cause === 'rollback')
    return outcome(context, 'RolledBack', act.reason, 'mend the copy, then: meshlift run');
  return outcome(context, 'Progressing', `${headline(act)} is done`, 'meshlift status');
}

function nextLook(context: EngineContext, until: number | null, now: number): number {
  const { interval } = context.migration.spec.rollout.gate;
  return until === null ? interval : Math.max(1, Math.min(interval, until - now));
}

function outcome(context: EngineContext, state: Outcome['state'], reason: string, next: string): Outcome {
  return { state, reason, next, at: timestamp(context) };
}

function timestamp(context: EngineContext): string {
  return new Date(context.clock.now()).toISOString();
}

/** The act in a few words, as `doing so`. */
export function headline(act: Act): string {
  switch (act.do) {
    case 'join':
      return 'joining the VM to the mesh';
    case 'rejoin':
      return 'joining the VM to the mesh again';
    case 'deploy':
      return 'deploying the copy';
    case 'split':
      return `shifting to vm ${act.split.vm} % · k8s ${act.split.k8s} %`;
    case 'mirror':
      return 'mirroring requests to the copy';
    case 'complete':
      return 'completing';
    case 'retire':
      return 'retiring the VM';
  }
}
