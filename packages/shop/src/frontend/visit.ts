import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ServedBy } from '../catalog-calls/served-by.ts';
import { CatalogTally } from '../catalog-calls/tally.ts';
import type { CallContext } from '../rpc/client.ts';
import { propagated } from '../rpc/propagation.ts';
import { readCookies, setCookie } from './http/cookies.ts';

/** The parts of the shop that a page can be without. */
export type Part = 'catalog' | 'cart' | 'currency' | 'shipping' | 'recommendations' | 'ads' | 'checkout';

export const SESSION_COOKIE = 'shop_session-id';
export const CURRENCY_COOKIE = 'shop_currency';
export const COOKIES_KEPT_SECONDS = 48 * 60 * 60;

/** One request of one customer, and what becomes known while it is answered. */
export interface Visit {
  readonly sessionId: string;
  /** Whether this is the customer's first request, so that nothing can be in the cart yet. */
  readonly newcomer: boolean;
  readonly currency: string;
  readonly requestId: string;
  /** For every call made to answer this request. */
  readonly context: CallContext;
  readonly tally: CatalogTally;
  /** Which copy of the catalog answered last. */
  servedBy: ServedBy | undefined;
  /** What could not be had. */
  readonly missing: Set<Part>;
  /** Set-Cookie headers. */
  readonly cookies: string[];
}

/** `signal` is aborted when the browser hangs up before the answer is complete. */
export function beginVisit(request: IncomingMessage, signal: AbortSignal): Visit {
  const cookies = readCookies(request.headers.cookie);
  const known = cookies.get(SESSION_COOKIE);
  const sessionId = known !== undefined && /^[\w-]{1,64}$/.test(known) ? known : randomUUID();
  const currency = cookies.get(CURRENCY_COOKIE) ?? 'USD';
  const passedOn = new Map(
    propagated((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : value?.[0];
    }),
  );
  const requestId = passedOn.get('x-request-id') ?? randomUUID();
  passedOn.set('x-request-id', requestId);
  return {
    sessionId,
    newcomer: sessionId !== known,
    currency: /^[A-Z]{3}$/.test(currency) ? currency : 'USD',
    requestId,
    context: { propagated: passedOn, signal },
    tally: new CatalogTally(),
    servedBy: undefined,
    missing: new Set(),
    cookies: sessionId === known ? [] : [setCookie(SESSION_COOKIE, sessionId, COOKIES_KEPT_SECONDS)],
  };
}

/** The answer to `call`, or undefined, with the part noted as missing, when it failed. */
export async function orMissing<T>(visit: Visit, part: Part, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch {
    // Not swallowed: the client has logged the outage, and the page and its headers name what is missing.
    visit.missing.add(part);
    return undefined;
  }
}
