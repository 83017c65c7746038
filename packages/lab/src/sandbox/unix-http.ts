import { type IncomingMessage, request } from 'node:http';
import { UnknownName } from '../errors.ts';

/** Nothing listens there: the process that did is gone, or has not come up yet. */
export class NotListening extends Error {}

/** One HTTP exchange over a Unix socket; resolves with the response, whatever its status. */
export function callUnix(
  socketPath: string,
  method: string,
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method, path, agent: false, ...(options.signal ? { signal: options.signal } : {}) },
      resolve,
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET';
      reject(gone ? new NotListening(`${socketPath}: ${error.message}`) : error);
    });
    outgoing.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

/** The same, for an answer in JSON; a status of 400 or more rejects with the answer's `error`, 404 with UnknownName. */
export async function callUnixJson<T>(
  socketPath: string,
  method: string,
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const response = await callUnix(socketPath, method, path, options);
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  const answer = text === '' ? {} : JSON.parse(text);
  const { statusCode = 500 } = response;
  if (statusCode >= 400) {
    const message = answer.error ?? `HTTP ${statusCode}`;
    throw statusCode === 404 ? new UnknownName(message) : new Error(message);
  }
  return answer as T;
}

/** A response that is one JSON value per line, until it ends. */
export async function* jsonLines<T>(response: IncomingMessage): AsyncGenerator<T> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line) yield JSON.parse(line) as T;
  }
}
