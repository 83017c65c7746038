import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { SERVED_BY_HEADERS } from '../catalog-calls/served-by.ts';
import { CATALOG_CALLS_HEADER } from '../catalog-calls/tally.ts';
import type { Log } from '../process/log.ts';
import { BadRequest, readForm } from './http/form.ts';
import { plain, type Reply } from './http/reply.ts';
import type { StaticFiles } from './http/static-files.ts';
import type { Routes } from './routes.ts';
import { beginVisit, type Visit } from './visit.ts';

/** Names the parts that a page is without, so that a client can count pages that were less than whole. */
export const DEGRADED_HEADER = 'x-shop-degraded';

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

/** The frontend's HTTP server, not yet listening. */
export function createFrontendServer(routes: Routes, files: StaticFiles, log: Log): Server {
  const server = createServer((request, response) => {
    answer(request, response, routes, files, log).catch((error: unknown) => {
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
  routes: Routes,
  files: StaticFiles,
  log: Log,
): Promise<void> {
  const started = performance.now();
  const url = new URL(request.url ?? '/', 'http://shop');
  if (url.pathname === '/_healthz') return write(response, plain(200, 'ok'));
  if (url.pathname === '/robots.txt') return write(response, plain(200, 'User-agent: *\nDisallow: /'));
  if (url.pathname.startsWith('/static/')) return write(response, files.reply(url.pathname));
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const visit = beginVisit(request, gone.signal);
  const reply = await route(request, url, visit, routes);
  write(
    response,
    { ...reply, headers: { ...reply.headers, ...visitHeaders(visit, reply) } },
    request.method === 'HEAD',
  );
  log.debug('page', {
    method: request.method,
    path: url.pathname,
    status: reply.status,
    ms: Math.round(performance.now() - started),
    missing: [...visit.missing],
    requestId: visit.requestId,
  });
}

async function route(request: IncomingMessage, url: URL, visit: Visit, routes: Routes): Promise<Reply> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  try {
    switch (`${method} ${url.pathname}`) {
      case 'GET /':
        return await routes.home(visit);
      case 'GET /search':
        return await routes.search(visit, (url.searchParams.get('q') ?? '').trim().slice(0, 80));
      case 'GET /cart':
        return await routes.cart(visit);
      case 'POST /cart':
        return await routes.addToCart(visit, await readForm(request));
      case 'POST /cart/empty':
        return await routes.emptyCart(visit);
      case 'POST /cart/checkout':
        return await routes.placeOrder(visit, await readForm(request));
      case 'POST /setCurrency':
        return await routes.switchCurrency(visit, await readForm(request));
      case 'GET /api/products':
        return await routes.products(visit);
    }
    const product = /^\/product\/([^/]+)$/.exec(url.pathname)?.[1];
    if (method === 'GET' && product !== undefined) return await routes.product(visit, decoded(product));
    return await routes.notFound(visit, url.pathname);
  } catch (error) {
    if (error instanceof BadRequest) return routes.badRequest(visit, error.message);
    throw error;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest('That address is garbled.');
  }
}

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
