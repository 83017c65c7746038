/**
 * A service that says which side answered, over HTTP and over TCP, and its caller, for scenarios about protocols.
 * `server` runs on the VM and in the copy's pods; `caller` calls without a pause, and counts what it hears.
 * Its controls (port 9090) are plain GETs, so that they can be reached through a Kubernetes API server.
 */
import { existsSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';

const side = process.env.SIDE ?? 'vm';
const httpPort = 8080;
const tcpPort = 7000;
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
  const counts = { http: newCount(), tcp: newCount() };
  const streams: Stream[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const kinds = (process.env.CALLS ?? 'http').split(',');
  if (kinds.includes('http')) setInterval(() => callHttp(host, agent, counts.http), 10);
  if (kinds.includes('tcp')) setInterval(() => callTcp(host, counts.tcp), 50);
  createServer((request, response) => {
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
