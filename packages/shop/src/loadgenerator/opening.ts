import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../process/log.ts';
import type { Outcome } from './ledger.ts';

/** One request as the load will make it. Resolves with what became of it and never rejects. */
export type Look = () => Promise<Outcome>;

const LOOK_AGAIN_MS = 500;

/**
 * Looks at the shop in every way that load will come to it, until all of them succeed at once: a page can be whole
 * while the programs that other pages and callers need are still starting. Resolves with true then, and with false
 * once `signal` aborts.
 */
export async function untilOpen(looks: readonly Look[], log: Log, signal: AbortSignal): Promise<boolean> {
  let told = '';
  while (!signal.aborted) {
    const outcomes = await Promise.all(looks.map((look) => look()));
    const failed = outcomes.filter(({ failure }) => failure !== undefined);
    if (failed.length === 0) return true;
    const failures = Object.fromEntries(failed.map(({ route, failure }) => [route, failure]));
    const reason = JSON.stringify(failures);
    if (reason !== told) log.info('the shop is not open yet', failures);
    told = reason;
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(ignoreAbort);
  }
  return false;
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
