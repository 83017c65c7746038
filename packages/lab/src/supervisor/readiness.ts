import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** How a probe proves who it is, and whom it trusts. */
export interface ProbeTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * True when `url` answers 200, false for any other status. Rejects when nothing answers, with the reason,
 * which the supervisor shows as what it waits for.
 */
export function answersOk(url: string, signal: AbortSignal, tls?: ProbeTls): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = request(url, { signal, agent: false, ...tls }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
