import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { SERVED_BY_HEADERS } from '../catalog-calls/served-by.ts';
import { CATALOG_CALLS_HEADER } from '../catalog-calls/tally.ts';
import type { Log } from '../process/log.ts';
import type { Backends } from './backends/backends.ts';
import type { Prices } from './backends/prices.ts';
import { DEGRADED_HEADER } from './http/degraded-header.ts';
import { plain, type Reply } from './http/reply.ts';
import type { StaticFiles } from './http/static-files.ts';
import { Turnstile } from './http/turnstile.ts';
import { Ingredients } from './ingredients.ts';
import { route } from './routes/router.ts';
import { beginVisit, type Visit } from './visit.ts';

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

/** What a page needs while it is made, times this, has to fit into the memory that images.json gives the program. */
const PAGES_AT_ONCE = 64;
/** Of those, each takes little. By then the last in line has given up. */
const PAGES_WAITING = 1000;

/** What every page is made from. */
export interface Sources {
  readonly backends: Backends;
  readonly prices: Prices;
  readonly files: StaticFiles;
}

/** The frontend's HTTP server, not yet listening. */
export function createFrontendServer(sources: Sources, log: Log): Server {
  const turnstile = new Turnstile({ atOnce: PAGES_AT_ONCE, waiting: PAGES_WAITING });
  const server = createServer((request, response) => {
    answer(request, response, { ...sources, turnstile }, log).catch((error: unknown) => {
      log.error('a page failed unexpectedly', {
        method: request.method,
        path: request.url,
        error: error instanceof Error ? error.stack : String(error),
      });
      write(response, plain(500, 'Something went wrong on our side. Please go back and try again.'));
    });
  });
  // A proxy keeps idle connections to us for an hour. Were we to close one first, just as it sends a request on it,
  // the customer would see a failed request; so the proxy is the one that closes.
  server.keepAliveTimeout = 2 * 60 * 60 * 1000;
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { turnstile, ...sources }: Sources & { turnstile: Turnstile },
  log: Log,
): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://shop');
  if (url === null) return write(response, plain(400, 'That address is garbled.'));
  if (url.pathname === '/_healthz') return write(response, plain(200, 'ok'));
  if (url.pathname === '/robots.txt') return write(response, plain(200, 'User-agent: *\nDisallow: /'));
  if (url.pathname.startsWith('/static/')) return write(response, sources.files.reply(url.pathname));
  const started = performance.now();
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const reply = await turnstile.pass(async () => {
    // Whoever has waited and gone needs no answer.
    if (gone.signal.aborted) return undefined;
    const visit = beginVisit(request, gone.signal);
    const made = await route(request, url, new Ingredients(visit, sources));
    log.debug('page', {
      method: request.method,
      path: url.pathname,
      status: made.status,
      ms: Math.round(performance.now() - started),
      missing: [...visit.missing],
      requestId: visit.requestId,
    });
    return { ...made, headers: { ...made.headers, ...visitHeaders(visit, made) } };
  });
  write(response, reply ?? FULL, request.method === 'HEAD');
}

const FULL = plain(503, 'The shop is full right now. Please come back in a moment.', { 'retry-after': '5' });

function visitHeaders(visit: Visit, reply: Reply): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = { 'x-request-id': visit.requestId };
  const cookies = [...visit.cookies, ...[reply.headers['set-cookie'] ?? []].flat()];
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  const calls = visit.tally.toString();
  if (calls !== '') headers[CATALOG_CALLS_HEADER] = calls;
  if (visit.missing.size > 0) headers[DEGRADED_HEADER] = [...visit.missing].join(',');
  if (visit.servedBy !== undefined) {
    headers[SERVED_BY_HEADERS.side] = visit.servedBy.side;
    headers[SERVED_BY_HEADERS.host] = visit.servedBy.host;
    headers[SERVED_BY_HEADERS.cluster] = visit.servedBy.cluster;
  }
  return headers;
}

function write(response: ServerResponse, reply: Reply, headOnly = false): void {
  if (response.headersSent || response.destroyed) return;
  const headers: Record<string, string | string[] | number> = { ...SECURITY_HEADERS };
  for (const [name, value] of Object.entries(reply.headers)) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  headers['content-length'] = Buffer.byteLength(reply.body);
  response.writeHead(reply.status, headers).end(headOnly ? undefined : reply.body);
}
