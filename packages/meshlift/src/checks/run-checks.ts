import type { EngineContext } from '../engine/context.ts';
import { type Check, type CheckResult, type Finding, stops } from './check.ts';
import { untold } from './in-every-member.ts';
import { type Scene, sceneOf } from './scene.ts';

/** Runs checks side by side, those that build on others after them, and tells every result; never stops at the first. */
export async function runChecks(
  context: EngineContext,
  checks: readonly Check[],
): Promise<readonly CheckResult[]> {
  const scene = sceneOf(context);
  const results = new Map<string, Promise<CheckResult>>();
  const resultOf = (check: Check): Promise<CheckResult> => {
    const known = results.get(check.id);
    if (known) return known;
    const result = (async () => {
      const base = checks.find((it) => it.id === check.after);
      const before = base && (await resultOf(base));
      if (before && before.result !== 'pass' && before.result !== 'warning') {
        const why = `«${before.sentence}» ${before.result === 'fail' ? "doesn't hold" : 'is not known to hold'}`;
        return told(check, 'skipped', [{ why, next: `see to ${before.id} first` }]);
      }
      return lookOnce(scene, check);
    })();
    results.set(check.id, result);
    return result;
  };
  return Promise.all(checks.map(resultOf));
}

export interface CheckWait {
  /** how long, milliseconds */
  readonly deadlineMs: number;
  readonly intervalMs: number;
  /** whether looking again may help, by a run in which something stops; always, unless given */
  readonly mayHelp?: (results: readonly CheckResult[]) => boolean;
  /** called after each run in which something still stops */
  readonly progress?: (results: readonly CheckResult[]) => void;
}

/** Runs checks until none stops, looking again can't help or the deadline has passed; answers the last run's results. */
export async function untilChecksHold(
  context: EngineContext,
  checks: readonly Check[],
  { deadlineMs, intervalMs, mayHelp = () => true, progress }: CheckWait,
): Promise<readonly CheckResult[]> {
  const { clock, signal } = context;
  const end = clock.now() + deadlineMs;
  for (;;) {
    const results = await runChecks(context, checks);
    if (!results.some(stops) || !mayHelp(results) || clock.now() >= end) return results;
    progress?.(results);
    await clock.wait(Math.min(intervalMs, end - clock.now()), signal);
  }
}

async function lookOnce(scene: Scene, check: Check): Promise<CheckResult> {
  const findings = await check.look(scene).catch((error: unknown) => {
    scene.signal.throwIfAborted();
    return [untold(error)];
  });
  // An aborted read looks like a cluster that can't be reached.
  scene.signal.throwIfAborted();
  return told(check, resultOf(check, findings), findings);
}

/** What is known to be wrong comes before what is not known. */
function resultOf({ severity }: Check, findings: readonly Finding[]): CheckResult['result'] {
  if (findings.length === 0) return 'pass';
  if (findings.every(({ unknown }) => unknown)) return 'unknown';
  return severity === 'fatal' ? 'fail' : 'warning';
}

function told(
  { id, category, sentence, severity }: Check,
  result: CheckResult['result'],
  findings: readonly Finding[],
): CheckResult {
  return { id, category, sentence, severity, result, findings };
}
