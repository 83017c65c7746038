import type { ClientRequestArgs } from 'node:http';
import { Duplex } from 'node:stream';
import type WebSocket from 'ws';
import { http } from '../node-http.ts';
import type { ApiClient } from './api-request.ts';
import type { PodPort } from './port.ts';

/**
 * HTTP to ports that a pod opens on its loopback only, through the API server's port-forward. A tunnel costs several
 * round trips (API server, node agent, container runtime), so it is kept for a while after an answer and used again.
 */
export interface PortForwards {
  /** status and body of a GET; rejects when the tunnel cannot be opened or breaks before the whole answer came */
  get(target: PodPort, path: string, signal: AbortSignal): Promise<{ status: number; body: string }>;
  /** a connection of the caller's own to the port, for any protocol; the caller closes it */
  connect(target: PodPort): Promise<Duplex>;
  close(): void;
}

/** The tunnel was refused by the API server or the node agent, or the pod's port refused the connection. */
export class TunnelRefused extends Error {
  override readonly name = 'TunnelRefused';
  readonly status: number | null;
  readonly body: string;

  constructor(message: string, status: number | null = null, body = '') {
    super(message);
    this.status = status;
    this.body = body;
  }
}

const idleMs = 10_000;

export function portForwards(api: ApiClient): PortForwards {
  const agent = new TunnelAgent(api);
  return {
    get: (target, path, signal) => getThrough(agent, target, path, signal),
    connect: (target) => agent.open(target),
    close: () => agent.destroy(),
  };
}

async function getThrough(
  agent: TunnelAgent,
  target: PodPort,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    // The agent pools by host and port, so the "host" is the pod; no name is ever looked up. The Host header is one
    // that Envoy's and istiod's debug servers take for local.
    const outgoing = http.get({
      agent,
      host: `${target.pod}.${target.namespace}`,
      port: target.port,
      path,
      signal,
      headers: { Host: `localhost:${target.port}` },
    });
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.once('error', (error) => {
      const retry = outgoing.reusedSocket && !signal.aborted;
      retry ? resolve(getThrough(agent, target, path, signal)) : reject(error);
    });
  });
}

/** Makes `http` use tunnels for its connections, and pools them as it pools sockets. */
class TunnelAgent extends http.Agent {
  readonly #api: ApiClient;
  /** every WebSocket that is open or opening: one whose request gave up meanwhile is in none of the agent's pools */
  readonly #sockets = new Set<WebSocket>();
  #closed = false;

  constructor(api: ApiClient) {
    super({ keepAlive: true });
    this.#api = api;
  }

  override destroy(): void {
    this.#closed = true;
    super.destroy();
    for (const socket of this.#sockets) socket.terminate();
  }

  async open(target: PodPort): Promise<Duplex> {
    const opened = (socket: WebSocket) => this.#track(socket);
    try {
      return await openTunnel(this.#api, target, false, opened);
    } catch (error) {
      // A kept connection that the server closed at this moment, so it never read what was asked.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      return openTunnel(this.#api, target, true, opened);
    }
  }

  #track(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#closed) socket.terminate();
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const [pod = '', ...namespace] = (options.host ?? '').split(/\.(?=[^.]*$)/);
    const target: PodPort = { pod, namespace: namespace.join('.'), port: Number(options.port) };
    this.open(target).then(
      (tunnel) => callback?.(null, tunnel),
      // Node's types want a stream beside the error; its code reads none.
      (error: Error) => (callback as ((error: Error) => void) | undefined)?.(error),
    );
    return undefined;
  }
}

/** Frames of a port-forward of one port: the first byte is the channel, 0 data and 1 errors of the node's end. */
const dataChannel = 0;
const errorChannel = 1;

async function openTunnel(
  api: ApiClient,
  target: PodPort,
  fresh: boolean,
  opened: (socket: WebSocket) => void,
): Promise<Tunnel> {
  const { WebSocket } = await import('ws');
  const { headers, ...options } = await api.connectOptions(fresh);
  const pod = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}`;
  const url = api.address(`${pod}/portforward`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('ports', String(target.port));
  // `host` and `port` would override the URL's, which has them already.
  const { host: _host, port: _port, ...trust } = options;
  const socket = new WebSocket(url, 'v4.channel.k8s.io', {
    ...trust,
    headers: headers as Record<string, string>,
    perMessageDeflate: false,
    handshakeTimeout: 5_000,
  });
  opened(socket);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.removeAllListeners('error');
      resolve(new Tunnel(socket));
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('close', () => {
        request.destroy();
        reject(
          new TunnelRefused(`port-forward was refused (${response.statusCode})`, response.statusCode, body),
        );
      });
    });
  });
}

/** One tunnel as the stream that `http` takes for a socket. */
class Tunnel extends Duplex {
  readonly #socket: WebSocket;
  readonly #portSeen = new Set<number>();
  #idle: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.on('message', (frame: Buffer) => this.#receive(frame));
    socket.on('close', () => {
      this.push(null);
      this.destroy();
    });
    socket.on('error', (error) => this.destroy(error));
    // Kept connections are told to forget their request's listeners: an end that comes while idle has nobody to hear.
    this.on('error', () => {});
  }

  #receive(frame: Buffer): void {
    const channel = frame[0] ?? 0;
    let payload = frame.subarray(1);
    if (!this.#portSeen.has(channel)) {
      this.#portSeen.add(channel);
      payload = payload.subarray(2); // each channel's first frame starts with the port's number
    }
    if (payload.length === 0) {
      return;
    }
    if (channel === errorChannel) {
      this.destroy(new TunnelRefused(payload.toString('utf8').trim()));
    } else if (channel === dataChannel) {
      this.push(payload);
    }
  }

  override _read(): void {
    // Frames are pushed as they come: an answer is read whole, there is nothing to hold back.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      done(new TunnelRefused('the tunnel has closed'));
      return;
    }
    this.#socket.send(Buffer.concat([Buffer.of(dataChannel), chunk]), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idle);
    this.#socket.terminate();
    done(error);
  }

  // What http.Agent calls on a socket beside the stream's own methods.

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  /** called when an answer is complete: the tunnel waits for another request, without holding the process */
  unref(): this {
    this.#transport()?.unref();
    this.#idle = setTimeout(() => this.destroy(), idleMs).unref();
    return this;
  }

  ref(): this {
    this.#transport()?.ref();
    clearTimeout(this.#idle);
    return this;
  }

  /** the TCP connection under the WebSocket, which `ws` keeps to itself in its types */
  #transport(): { ref(): void; unref(): void } | undefined {
    return (this.#socket as unknown as { _socket?: { ref(): void; unref(): void } })._socket;
  }
}
