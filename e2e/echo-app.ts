/**
 * A service that says which side answered, over HTTP, TCP and gRPC, and its caller, for scenarios about protocols.
 * `server` runs on the VM and in the copy's pods; `caller` calls without a pause, and counts what it hears.
 * Its controls (port 9090) are plain GETs, so that they can be reached through a Kubernetes API server.
 */
import { existsSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
} from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';

const side = process.env.SIDE ?? 'vm';
const httpPort = 8080;
const tcpPort = 7000;
const grpcPort = 9000;
const controlPort = 9090;

function serve(): void {
  const failing = () => existsSync('/tmp/failing');
  createServer((request, response) => {
    if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const beat = setInterval(() => response.write(`${side}\n`), 100);
      response.once('close', () => clearInterval(beat));
      return;
    }
    const healthy = request.url === '/healthz' || !failing();
    response.writeHead(healthy ? 200 : 500, { 'x-side': side }).end(side);
  }).listen(httpPort);
  createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${side}\n`);
    socket.on('data', (data) => socket.write(data));
  }).listen(tcpPort);
  serveGrpc();
}

/** gRPC as it is on the wire: a health check, a call that says the side, and a stream that says it again and again. */
function serveGrpc(): void {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => stream.destroy());
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-side': side },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume();
    const path = headers[':path'];
    if (path === '/echo.Echo/Follow') {
      const beat = setInterval(() => stream.write(grpcMessage(Buffer.from(side))), 100);
      stream.once('close', () => clearInterval(beat));
    } else if (path === '/grpc.health.v1.Health/Check') stream.end(grpcMessage(serving));
    else stream.end(grpcMessage(Buffer.from(side)));
  });
  server.listen(grpcPort);
}

/** HealthCheckResponse {status: SERVING}. */
const serving = Buffer.from([0x08, 0x01]);

/** A message with what precedes it on the wire: that it is not compressed, and its length. */
function grpcMessage(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

interface Count {
  answered: number;
  failed: number;
  bySide: Record<string, number>;
  failures: Record<string, number>;
}

interface Stream {
  kind: string;
  side: string | null;
  pieces: number;
  ended: string | null;
}

function call(host: string): void {
  const counts = { http: newCount(), tcp: newCount(), grpc: newCount() };
  const streams: Stream[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const kinds = (process.env.CALLS ?? 'http').split(',');
  if (kinds.includes('http')) setInterval(() => callHttp(host, agent, counts.http), 10);
  if (kinds.includes('tcp')) setInterval(() => callTcp(host, counts.tcp), 50);
  const session = grpcSession(host);
  if (kinds.includes('grpc')) setInterval(() => callGrpc(session(), counts.grpc), 10);
  createServer((request, response) => {
    if (request.url === '/open/grpc') openGrpc(session(), streams);
    if (request.url === '/open/http') openHttp(host, streams);
    if (request.url === '/open/tcp') openTcp(host, streams);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ counts, streams }));
  }).listen(controlPort);
}

function newCount(): Count {
  return { answered: 0, failed: 0, bySide: {}, failures: {} };
}

function answered(count: Count, by: string): void {
  count.answered += 1;
  count.bySide[by] = (count.bySide[by] ?? 0) + 1;
}

function failed(count: Count, why: string): void {
  count.failed += 1;
  count.failures[why] = (count.failures[why] ?? 0) + 1;
}

function callHttp(host: string, agent: Agent, count: Count): void {
  get({ host, port: httpPort, agent, timeout: 10_000 }, (response) => {
    response.resume().once('end', () => {
      if (response.statusCode === 200) answered(count, String(response.headers['x-side']));
      else failed(count, `status ${response.statusCode}`);
    });
  }).once('error', (error) => failed(count, error.message));
}

/** A session to call on, which is made anew once one has ended. */
function grpcSession(host: string): () => ClientHttp2Session {
  let session: ClientHttp2Session | null = null;
  return () => {
    if (session && !session.closed && !session.destroyed) return session;
    session = connectHttp2(`http://${host}:${grpcPort}`);
    // What it ends is counted where it is missed: by the calls on it.
    session.on('error', () => undefined);
    return session;
  };
}

function grpcRequest(session: ClientHttp2Session, method: string) {
  const headers = {
    ':method': 'POST',
    ':path': `/echo.Echo/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const stream = session.request(headers);
  stream.end(grpcMessage(Buffer.alloc(0)));
  return stream;
}

function callGrpc(session: ClientHttp2Session, count: Count): void {
  const stream = grpcRequest(session, 'Who');
  let by = '';
  let why = 'closed without a status';
  let status = '';
  stream.setTimeout(10_000, () => stream.close());
  stream.on('response', (headers) => {
    by = String(headers['x-side']);
    // An answer that is nothing but a status has it here.
    status = String(headers['grpc-status'] ?? '');
  });
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status'] ?? '');
  });
  stream.on('error', (error) => {
    why = error.message;
  });
  stream.resume().once('close', () => {
    if (status === '0') answered(count, by);
    else failed(count, status === '' ? why : `status ${status}`);
  });
}

function openGrpc(session: ClientHttp2Session, streams: Stream[]): void {
  const stream: Stream = { kind: 'grpc', side: null, pieces: 0, ended: null };
  streams.push(stream);
  const request = grpcRequest(session, 'Follow');
  request.on('response', (headers) => {
    stream.side = String(headers['x-side']);
  });
  request.on('data', () => {
    stream.pieces += 1;
  });
  request.on('error', (error) => {
    stream.ended ??= error.message;
  });
  request.once('close', () => {
    stream.ended ??= 'closed';
  });
}

/** One connection: hears who is there, and has one word echoed. */
function callTcp(host: string, count: Count): void {
  let heard = '';
  const socket = connect(tcpPort, host, () => socket.write('hello\n'));
  socket.setTimeout(10_000, () => socket.destroy(new Error('silence')));
  socket.on('data', (data) => {
    heard += data;
    if (heard.endsWith('hello\n')) socket.end();
  });
  let why: string | null = null;
  socket.once('error', (error) => {
    why = error.message;
  });
  socket.once('close', () => {
    const [by = '', echo] = heard.split('\n');
    if (echo === 'hello') answered(count, by);
    else failed(count, why ?? `closed after ${JSON.stringify(heard)}`);
  });
}

function openHttp(host: string, streams: Stream[]): void {
  const stream: Stream = { kind: 'http', side: null, pieces: 0, ended: null };
  streams.push(stream);
  get({ host, port: httpPort, path: '/stream', agent: false }, (response) => {
    response.on('data', (data: Buffer) => {
      stream.side = data.toString().split('\n')[0] ?? null;
      stream.pieces += 1;
    });
    response.once('close', () => {
      stream.ended ??= 'closed';
    });
  }).once('error', (error) => {
    stream.ended ??= error.message;
  });
}

function openTcp(host: string, streams: Stream[]): void {
  const stream: Stream = { kind: 'tcp', side: null, pieces: 0, ended: null };
  streams.push(stream);
  const socket = connect(tcpPort, host);
  const beat = setInterval(() => socket.write('beat\n'), 100);
  socket.on('data', (data) => {
    stream.side ??= data.toString().split('\n')[0] ?? null;
    stream.pieces += 1;
  });
  socket.once('error', (error) => {
    stream.ended ??= error.message;
  });
  socket.once('close', () => {
    clearInterval(beat);
    stream.ended ??= 'closed';
  });
}

const [role, host = 'echo.default'] = process.argv.slice(2);
if (role === 'caller') call(host);
else serve();
process.on('SIGTERM', () => process.exit(0));
