import http from 'node:http';
import https from 'node:https';
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
  /** options for a connection of its own (a WebSocket) with the same trust and credential */
  connectOptions(): Promise<https.RequestOptions>;
  /** where a path of the API is; servers behind a gateway have a path of their own before it */
  address(path: string): URL;
  close(): void;
}

/** No answer within the time given to one try. */
export class NoAnswerInTime extends Error {
  override readonly name = 'NoAnswerInTime';
}

export function apiClient(access: ClusterAccess, timeoutMs: number): ApiClient {
  const secure = access.server.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxSockets: 64 })
    : new http.Agent({ keepAlive: true, maxSockets: 64 });

  const basePath = access.server.pathname.replace(/\/$/, '');

  const connectOptions = async (renew = false): Promise<https.RequestOptions> => {
    const { headers, cert, key, agent: proxy } = await access.credential(renew);
    return {
      host: access.server.hostname.replace(/^\[|\]$/g, ''),
      port: access.server.port || (secure ? 443 : 80),
      headers: { ...headers },
      agent: proxy ?? agent,
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
    connectOptions: async () => ({ ...(await connectOptions()), agent: (await access.credential()).agent }),
    address: (path) => new URL(`${basePath}${path}`, access.server),
    close: () => agent.destroy(),
  };
}

/**
 * One exchange. A kept connection may be closed by the server at the moment a request goes out on it; that request was
 * never read, so it is sent once more on a new connection, unless it creates something.
 */
async function exchange(
  request: ApiRequest,
  options: https.RequestOptions,
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
  options: https.RequestOptions,
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
