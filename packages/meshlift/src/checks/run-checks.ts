import type { EngineContext } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Check, CheckResult } from './check.ts';

/** Runs checks side by side, those that build on others after them, and tells every result; never stops at the first. */
export async function runChecks(
  context: EngineContext,
  checks: readonly Check[],
): Promise<readonly CheckResult[]> {
  const results = new Map<string, Promise<CheckResult>>();
  const resultOf = (check: Check): Promise<CheckResult> => {
    const known = results.get(check.id);
    if (known) return known;
    const result = (async () => {
      const base = checks.find((it) => it.id === check.after);
      const before = base && (await resultOf(base));
      if (before && before.result !== 'pass' && before.result !== 'warning')
        return told(check, 'skipped', `«${before.sentence}» doesn't hold`);
      return lookOnce(context, check);
    })();
    results.set(check.id, result);
    return result;
  };
  return Promise.all(checks.map(resultOf));
}

async function lookOnce(context: EngineContext, check: Check): Promise<CheckResult> {
  const failed = check.severity === 'fatal' ? 'fail' : 'warning';
  try {
    const finding = await check.look(context);
    return finding ? told(check, failed, finding.why, finding.next) : told(check, 'pass');
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMeshliftError(error)) throw error;
    return told(check, failed, error.message, error.next);
  }
}

function told(check: Check, result: CheckResult['result'], why?: string, next?: string): CheckResult {
  const { id, category, sentence } = check;
  return {
    id,
    category,
    sentence,
    result,
    ...(why !== undefined && { why }),
    ...(next !== undefined && { next }),
  };
}
