import { readFile } from 'node:fs/promises';
import type { KubeReader, ServicePort } from '../kube/port.ts';
import { http, https } from '../node-http.ts';
import { readAnswer, unavailable } from './answer.ts';
import type { Prometheus } from './port.ts';

export interface PrometheusServer {
  /** its root, as a browser would open it; a path before `/api` is kept */
  readonly url: string;
  /** a file with a bearer token, read anew for every query: tokens are rotated */
  readonly bearerTokenFile?: string;
  /** a file with the certificates to trust, instead of the system's */
  readonly caFile?: string;
}

const timeoutMs = 5_000;

/** A server that is reached by its own address. */
export function openPrometheus(server: PrometheusServer): Prometheus {
  const url = new URL(server.url);
  // A password belongs into a file, but where one is in the address, it stays out of every message.
  const where = `${url.protocol}//${url.host}${url.pathname}`;
  const target = new URL(`${url.pathname.replace(/\/$/, '')}/api/v1/query`, url);
  return {
    where,
    async query(expression, signal) {
      const { token, ca } = await secrets(server, where);
      const body = new URLSearchParams({ query: expression }).toString();
      const { status, text } = await post(target, body, {
        where,
        ...(token !== undefined && { token }),
        ...(ca && { ca }),
        ...(signal && { signal }),
      });
      if (status === 401 || status === 403) {
        throw unavailable(where, `it answered ${status}: it does not let these credentials read`);
      }
      // What is wrong with an expression is told in the body, with a status of 400 or 422.
      if (status !== 200 && !text.startsWith('{'))
        throw unavailable(where, `it answered ${status}: ${text.slice(0, 200)}`);
      return readAnswer(where, text);
    },
  };
}

/** A server inside a cluster, reached through that cluster's API server: no ingress, no address of its own. */
export function prometheusService(kube: KubeReader, service: ServicePort): Prometheus {
  const where = `${service.namespace}/${service.service}:${service.port} in ${kube.cluster}`;
  return {
    where,
    async query(expression, signal) {
      const path = `/api/v1/query?${new URLSearchParams({ query: expression })}`;
      return readAnswer(where, await kube.serviceGet(service, path, signal));
    },
  };
}

async function secrets(
  { bearerTokenFile, caFile }: PrometheusServer,
  where: string,
): Promise<{ readonly token?: string; readonly ca?: Buffer }> {
  try {
    return {
      ...(bearerTokenFile && { token: (await readFile(bearerTokenFile, 'utf8')).trim() }),
      ...(caFile && { ca: await readFile(caFile) }),
    };
  } catch (error) {
    throw unavailable(where, `a file that it needs can't be read: ${(error as Error).message}`, error);
  }
}

interface Sending {
  readonly where: string;
  readonly token?: string;
  readonly ca?: Buffer;
  readonly signal?: AbortSignal;
}

function post(url: URL, body: string, { where, token, ca, signal }: Sending) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const fail = (error: Error) => {
      if (signal?.aborted) reject(signal.reason);
      else reject(unavailable(where, error.message || String((error as NodeJS.ErrnoException).code), error));
    };
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      timeout: timeoutMs,
      ...(ca && { ca }),
      ...(signal && { signal }),
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': Buffer.byteLength(body),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.once('error', fail);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.end(body);
  });
}
