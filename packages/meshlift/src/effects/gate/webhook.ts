import { readFile } from 'node:fs/promises';
import { answer } from './answer.ts';
import type { GateAnswer, UserGate } from './port.ts';

export interface WebhookGateSpec {
  readonly url: string;
  /** milliseconds for the whole answer */
  readonly timeout: number;
  /** headers whose values are secret: each the content of a file, read anew for every call */
  readonly headersFrom: readonly { readonly name: string; readonly file: string }[];
}

const verdicts = ['pass', 'fail', 'inconclusive'] as const;

/**
 * Asks a URL, by a POST with the situation as JSON: 2xx passes, 4xx fails; 5xx, no answer, or one that comes too late is
 * an error. A body of `{"verdict": "pass" | "fail" | "inconclusive", "message": …}` in a 2xx answer says more.
 */
export function webhookGate(name: string, { url, timeout, headersFrom }: WebhookGateSpec): UserGate {
  return {
    name,
    async ask(situation, signal) {
      try {
        const response = await fetch(url, {
          method: 'POST',
          // Where it would send us on, the headers' secrets would go as well.
          redirect: 'error',
          headers: { ...(await secretHeaders(headersFrom)), 'content-type': 'application/json' },
          body: JSON.stringify(situation),
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
        });
        return verdictOf(name, response.status, await response.text());
      } catch (error) {
        if (signal.aborted) return answer(name, 'error', 'the engine stopped');
        if (error instanceof DOMException && error.name === 'TimeoutError') {
          return answer(name, 'error', `no answer within ${timeout} ms`);
        }
        const { message, cause } = error as Error;
        return answer(name, 'error', cause instanceof Error ? `${message}: ${cause.message}` : message);
      }
    },
  };
}

async function secretHeaders(from: WebhookGateSpec['headersFrom']): Promise<Record<string, string>> {
  const pairs = await Promise.all(
    from.map(async ({ name, file }) => [name, (await readFile(file, 'utf8')).trim()] as const),
  );
  return Object.fromEntries(pairs);
}

function verdictOf(name: string, status: number, body: string): GateAnswer {
  const said = decoded(body);
  const because = said?.message ?? body;
  if (status >= 500) return answer(name, 'error', `it answered ${status}: ${because}`);
  if (status >= 400) return answer(name, 'fail', `it answered ${status}: ${because}`);
  if (status < 200 || status >= 300) return answer(name, 'error', `it answered ${status}`);
  if (said?.verdict === undefined) return answer(name, 'pass', because || `it answered ${status}`);
  const verdict = verdicts.find((it) => it === said.verdict);
  return verdict
    ? answer(name, verdict, because)
    : answer(
        name,
        'error',
        `its verdict is ${JSON.stringify(said.verdict)}: one of ${verdicts.join(', ')} is wanted`,
      );
}

function decoded(body: string): { readonly verdict?: unknown; readonly message?: string } | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
