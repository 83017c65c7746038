import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { UnknownName } from '../errors.ts';

/** Answers one method and path; what it returns goes out as JSON, what it throws as `{error}`. */
export type Route = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Listens on a Unix socket that only its owner can use. Routes are keyed `METHOD /path`. */
export function listenUnix(socketPath: string, routes: Readonly<Record<string, Route>>): Promise<Server> {
  const server = createServer((request, response) => {
    const route = routes[`${request.method} ${new URL(request.url ?? '/', 'http://lab').pathname}`];
    const answer = (status: number, body: unknown) => {
      if (response.headersSent) return response.end();
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body ?? {})}\n`);
    };
    if (!route) return answer(404, { error: `the lab has no ${request.method} ${request.url}` });
    Promise.resolve()
      .then(() => route(request, response))
      .then(
        (body) => {
          // A route that streams writes its own head, and ends the response when it is done.
          if (!response.headersSent) answer(200, body);
        },
        (error: Error) => answer(error instanceof UnknownName ? 404 : 500, { error: error.message }),
      );
  });
  return new Promise((resolve, reject) => {
    // The folder around it is 0700; the mask is for whoever passes another folder.
    const mask = process.umask(0o177);
    server.once('error', reject);
    server.listen(socketPath, () => {
      process.umask(mask);
      resolve(server);
    });
  });
}

/** A request's body as JSON; an empty one is an empty object. */
export async function readJson<T>(request: IncomingMessage): Promise<Partial<T>> {
  request.setEncoding('utf8');
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : (JSON.parse(text) as Partial<T>);
}
