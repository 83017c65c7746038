import { Agent, type IncomingMessage, request } from 'node:http';
import { CATALOG_CALLS_HEADER } from '../catalog-calls/tally.ts';
import { readCookies } from '../frontend/http/cookies.ts';
import { DEGRADED_HEADER } from '../frontend/http/degraded-header.ts';
import type { Step } from './journeys.ts';
import type { FailureKind, Outcome } from './ledger.ts';

/** Connections to the shop, shared by all customers. */
export interface Shop {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
  /** From when a request is due. */
  readonly timeoutMs: number;
}

export function openShop(address: string, { timeoutMs }: { timeoutMs: number }): Shop {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    // Node never sends a request again by itself, on a reused connection or a new one: each is sent once.
    agent: new Agent({ keepAlive: true, maxFreeSockets: 256 }),
    timeoutMs,
  };
}

/** One customer's browser: it keeps cookies, sends each request once, and says what became of it. */
export class Browser {
  readonly #shop: Shop;
  readonly #cookies = new Map<string, string>();

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  /** Never rejects: whatever goes wrong is the outcome. `dueAt` is on the clock of `performance.now()`. */
  visit(step: Step, dueAt: number): Promise<Outcome> {
    const { host, port, agent, timeoutMs } = this.#shop;
    const body = step.form === undefined ? undefined : new URLSearchParams(step.form).toString();
    return new Promise((resolve) => {
      let settled = false;
      const settle = (failure?: FailureKind, catalogCalls?: string): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        resolve({ route: step.route, ms: performance.now() - dueAt, failure, catalogCalls });
      };
      const outgoing = request({
        host,
        port,
        agent,
        method: step.method,
        path: step.path,
        headers: {
          host,
          'user-agent': 'shop-loadgenerator',
          ...(this.#cookies.size === 0
            ? {}
            : { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
          ...(body === undefined
            ? {}
            : {
                'content-type': 'application/x-www-form-urlencoded',
                'content-length': Buffer.byteLength(body),
              }),
        },
      });
      const timer = setTimeout(
        () => {
          settle('timeout');
          outgoing.destroy();
        },
        Math.max(1, dueAt + timeoutMs - performance.now()),
      );
      outgoing.on('error', (error: NodeJS.ErrnoException) => settle(kindOf(error)));
      outgoing.on('response', (response: IncomingMessage) => {
        for (const cookie of response.headers['set-cookie'] ?? []) {
          for (const [name, value] of readCookies(cookie.split(';')[0])) this.#cookies.set(name, value);
        }
        const calls = headerOf(response, CATALOG_CALLS_HEADER);
        response.on('end', () => settle(response.complete ? failureOf(response) : 'reset', calls));
        response.on('error', () => settle('reset', calls));
        response.resume();
      });
      outgoing.end(body);
    });
  }
}

function failureOf(response: IncomingMessage): FailureKind | undefined {
  const status = response.statusCode ?? 0;
  if (status < 200 || status >= 400) return `status-${status}`;
  return headerOf(response, DEGRADED_HEADER) === undefined ? undefined : 'degraded';
}

function headerOf(response: IncomingMessage, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

function kindOf(error: NodeJS.ErrnoException): FailureKind {
  const beforeConnecting = [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ETIMEDOUT',
  ];
  return beforeConnecting.includes(error.code ?? '') ? 'connect' : 'reset';
}
