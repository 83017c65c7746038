import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { parse, stringify } from 'yaml';

/** A request on its way to the API server of a cluster. */
export interface OnItsWay {
  readonly cluster: string;
  readonly method: string;
  /** with its query */
  readonly path: string;
  readonly body: string;
}

interface Held {
  readonly request: OnItsWay;
  /** sends it on; resolves with the status of the answer */
  readonly letGo: () => Promise<number>;
}

/** What stands in a kubeconfig, as far as it is needed to stand in for it. */
interface Kubeconfig {
  readonly clusters: { readonly name: string; cluster: Record<string, string> }[];
  readonly contexts: { readonly context: { readonly cluster: string; readonly user: string } }[];
  readonly users: { readonly name: string; user: Record<string, string> }[];
}

/**
 * The way of one program to API servers, on which requests can be held back. One that waits here goes on when it is let
 * go, whether or not its sender still waits for the answer: as in a network that is slow.
 */
export class ApiFronts {
  /** of a kubeconfig with the same contexts, whose servers are reached this way */
  readonly kubeconfig: string;
  readonly #servers: Server[] = [];
  readonly #held: Held[] = [];
  #isHeldBack: (request: OnItsWay) => boolean = () => false;

  private constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
  }

  /** Opens a way to every cluster of `original`, and writes the kubeconfig that leads there to `file`. */
  static async open(original: string, file: string): Promise<ApiFronts> {
    const fronts = new ApiFronts(file);
    const config: Kubeconfig = parse(await readFile(original, 'utf8'));
    for (const entry of config.clusters) {
      const { user } = config.contexts.find((it) => it.context.cluster === entry.name)?.context ?? {};
      const credential = config.users.find((it) => it.name === user)?.user ?? {};
      const port = await fronts.#front(entry.name, new Upstream(entry.cluster, credential));
      entry.cluster = { server: `http://127.0.0.1:${port}` };
    }
    // Whoever comes this way is let in by who opened it.
    for (const entry of config.users) entry.user = {};
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, stringify(config));
    return fronts;
  }

  /** From now on, requests like these wait here; those that already do go on waiting. */
  holdBack(which: (request: OnItsWay) => boolean): void {
    this.#isHeldBack = which;
  }

  get held(): readonly OnItsWay[] {
    return this.#held.map(({ request }) => request);
  }

  /** Sends on what waits here (of it, what `which` says), in its order; answers what the API servers said to each. */
  async letGo(which: (request: OnItsWay) => boolean = () => true): Promise<readonly number[]> {
    const going = this.#held.filter(({ request }) => which(request));
    for (const it of going) this.#held.splice(this.#held.indexOf(it), 1);
    const statuses: number[] = [];
    for (const { letGo } of going) statuses.push(await letGo());
    return statuses;
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #front(cluster: string, upstream: Upstream): Promise<number> {
    const server = createServer((incoming, response) => {
      void this.#pass(cluster, upstream, incoming, response).catch(() => response.destroy());
    });
    server.on('upgrade', (incoming, socket, head) => upstream.upgrade(incoming, socket, head));
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async #pass(
    cluster: string,
    upstream: Upstream,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/' } = incoming;
    const request = { cluster, method, path, body: body.toString() };
    const letGo = () => upstream.send(incoming, body, response);
    if (this.#isHeldBack(request)) this.#held.push({ request, letGo });
    else await letGo();
  }
}

/** An API server, with the trust and the credential to reach it. */
class Upstream {
  readonly #url: URL;
  readonly #tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

  constructor(cluster: Readonly<Record<string, string>>, user: Readonly<Record<string, string>>) {
    const decoded = (text = '') => Buffer.from(text, 'base64');
    this.#url = new URL(cluster.server ?? '');
    this.#tls = {
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    };
  }

  /** Hands the request on and the answer back; resolves with its status, also when nobody waits for it any more. */
  send(incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        ...this.#tls,
        host: this.#url.hostname,
        port: this.#url.port,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, host: this.#url.host },
      });
      outgoing.once('error', reject);
      outgoing.once('response', (answer) => {
        const status = answer.statusCode ?? 0;
        if (!response.destroyed) response.writeHead(status, answer.headers);
        answer.on('data', (piece: Buffer) => {
          if (!response.destroyed) response.write(piece);
        });
        answer.once('error', reject);
        answer.once('end', () => {
          response.end();
          resolve(status);
        });
      });
      outgoing.end(body);
    });
  }

  /** Tunnels (port-forwards) are handed on as they come. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const server = connect({ ...this.#tls, host: this.#url.hostname, port: Number(this.#url.port) }, () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (let i = 0; i < incoming.rawHeaders.length; i += 2)
        lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
      server.write(`${lines.join('\r\n')}\r\n\r\n`);
      server.write(head);
      server.pipe(socket);
      socket.pipe(server);
    });
    server.once('error', () => socket.destroy());
    socket.once('error', () => server.destroy());
    socket.once('close', () => server.destroy());
    server.once('close', () => socket.destroy());
  }
}
