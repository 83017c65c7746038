import type { RequestOptions } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { http, https } from '../node-http.ts';
import type { Credential } from './credential.ts';
import type { ClusterAccess } from './kubeconfig.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** with its query, from the server's root */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
  /** the header that tells the server's time, where it has one */
  readonly date?: string;
}

/** Sends requests to one API server over kept connections, any number at once. */
export interface ApiClient {
  /** rejects only when no answer came: connection failures, time-outs, the signal's reason */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /**
   * options for a WebSocket with the same trust and credential: it takes over a kept connection if there is one, and
   * saves its handshake; never when it is to be `fresh`
   */
  connectOptions(fresh: boolean): Promise<RequestOptions>;
  /** where a path of the API is; servers behind a gateway have a path of their own before it */
  address(path: string): URL;
  close(): void;
}

/** A handshake is computed on both ends: more connections than these would wait for each other's. */
const maxSockets = 8;

/** No answer within the time given to one try. */
export class NoAnswerInTime extends Error {
  override readonly name = 'NoAnswerInTime';
}

export function apiClient(access: ClusterAccess, timeoutMs: number): ApiClient {
  const secure = access.server.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxSockets })
    : new http.Agent({ keepAlive: true, maxSockets });
  const contextOf = secureContexts(access);

  const basePath = access.server.pathname.replace(/\/$/, '');

  const connectOptions = async (renew = false): Promise<RequestOptions> => {
    const credential = await access.credential(renew);
    const { headers, cert, key, agent: proxy } = credential;
    return {
      host: access.server.hostname.replace(/^\[|\]$/g, ''),
      port: access.server.port || (secure ? 443 : 80),
      headers: { ...headers },
      agent: proxy ?? agent,
      ...(secure && { secureContext: contextOf(credential) }),
      // The agent tells connections apart by these.
      ...(access.ca && { ca: access.ca }),
      ...(access.serverName !== undefined && { servername: access.serverName }),
      ...(!access.verifyServer && { rejectUnauthorized: false }),
      ...(cert && { cert }),
      ...(key && { key }),
    };
  };

  const send = async (asked: ApiRequest): Promise<ApiAnswer> => {
    const request = { ...asked, path: `${basePath}${asked.path}` };
    request.signal?.throwIfAborted();
    // By hand and cleared up: a signal of AbortSignal.any stays with its sources, and an engine's lives for days.
    const within = new AbortController();
    const abort = () => within.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', abort);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      within.abort();
    }, timeoutMs);
    try {
      let answer = await exchange(request, await connectOptions(), within.signal, secure);
      if (answer.status === 401) {
        answer = await exchange(request, await connectOptions(true), within.signal, secure);
      }
      return answer;
    } catch (error) {
      if (request.signal?.aborted) {
        throw request.signal.reason;
      }
      throw late ? new NoAnswerInTime(`no answer within ${timeoutMs} ms`) : error;
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', abort);
    }
  };

  return {
    send,
    connectOptions: async (fresh) => ({
      ...(await connectOptions()),
      ...(fresh && { agent: (await access.credential()).agent }),
    }),
    address: (path) => new URL(`${basePath}${path}`, access.server),
    close: () => agent.destroy(),
  };
}

/** Certificates read once for all connections: reading them is more of a handshake's work than our part of it. */
function secureContexts({ ca }: ClusterAccess): (credential: Credential) => SecureContext {
  let known: { readonly of: Credential; readonly context: SecureContext } | null = null;
  return (credential) => {
    const { cert, key } = credential;
    if (!known || known.of.cert !== cert || known.of.key !== key) {
      const context = createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
      known = { of: credential, context };
    }
    return known.context;
  };
}

/**
 * One exchange. A kept connection may be closed by the server at the moment a request goes out on it; that request was
 * never read, so it is sent once more on a new connection, unless it creates something.
 */
async function exchange(
  request: ApiRequest,
  options: RequestOptions,
  signal: AbortSignal,
  secure: boolean,
): Promise<ApiAnswer> {
  try {
    return await exchangeOnce(request, options, signal, secure);
  } catch (error) {
    if (error instanceof StaleConnection && request.method !== 'POST') {
      return await exchangeOnce(request, { ...options, agent: false }, signal, secure);
    }
    throw error instanceof StaleConnection ? error.cause : error;
  }
}

class StaleConnection extends Error {}

function exchangeOnce(
  request: ApiRequest,
  options: RequestOptions,
  signal: AbortSignal,
  secure: boolean,
): Promise<ApiAnswer> {
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? https : http).request({
      ...options,
      method: request.method,
      path: request.path,
      signal,
      headers: {
        ...options.headers,
        Accept: 'application/json, */*;q=0.5',
        'User-Agent': 'meshlift',
        ...(body && {
          'Content-Type': request.contentType ?? 'application/json',
          'Content-Length': body.length,
        }),
      },
    });
    outgoing.once('response', (response) => {
      // Decoded as it comes: gathering the bytes first would hold every answer twice.
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body,
          ...(response.headers.date !== undefined && { date: response.headers.date }),
        }),
      );
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new StaleConnection('closed while idle', { cause: error }) : error);
    });
    outgoing.end(body);
  });
}
