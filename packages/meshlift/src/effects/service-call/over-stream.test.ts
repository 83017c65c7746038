import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { callOverStream } from './over-stream.ts';
import type { CallAnswer, ServiceCall } from './port.ts';

const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: net.Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function call(
  port: number,
  what: ServiceCall,
  signal = new AbortController().signal,
): Promise<CallAnswer> {
  return callOverStream(net.connect(port, '127.0.0.1'), what, signal);
}

const grpcCall = (service = ''): ServiceCall => ({
  protocol: 'grpc',
  authority: 'catalog.default:3550',
  service,
  headers: { 'x-meshlift-side': 'k8s' },
});
const httpCall: ServiceCall = {
  protocol: 'http',
  authority: 'web.default:80',
  path: '/healthz',
  headers: { 'x-meshlift-side': 'k8s' },
};

/** A gRPC server that answers every call with these bytes and trailers; answers what it was sent, too. */
async function grpcServer(
  message: Buffer | null,
  trailers: Record<string, string>,
): Promise<{ port: number; heard: { headers?: http2.IncomingHttpHeaders; body?: Buffer } }> {
  const heard: { headers?: http2.IncomingHttpHeaders; body?: Buffer } = {};
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    heard.headers = headers;
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      heard.body = Buffer.concat(pieces);
      if (message === null) {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', ...trailers },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(message);
    });
  });
  return { port: await listening(server as unknown as net.Server), heard };
}

test('a gRPC health check is asked with its headers and the service’s name, and its answer is read', async () => {
  const { port, heard } = await grpcServer(Buffer.from([0, 0, 0, 0, 2, 0x08, 1]), { 'grpc-status': '0' });
  expect(await call(port, grpcCall('shop.Catalog'))).toEqual({
    came: 'grpc',
    status: 0,
    message: '',
    health: 'SERVING',
  });
  expect(heard.headers).toMatchObject({
    ':path': '/grpc.health.v1.Health/Check',
    ':authority': 'catalog.default:3550',
    'x-meshlift-side': 'k8s',
  });
  expect(heard.body).toEqual(Buffer.from([0, 0, 0, 0, 14, 0x0a, 12, ...Buffer.from('shop.Catalog')]));
});

test.each([
  [[0, 0, 0, 0, 2, 0x08, 2], 'NOT_SERVING'],
  [[0, 0, 0, 0, 0], 'UNKNOWN'],
  [[1, 2], null],
] as const)('the health %j is %s', async (bytes, health) => {
  const { port } = await grpcServer(Buffer.from(bytes), { 'grpc-status': '0' });
  expect(await call(port, grpcCall())).toMatchObject({ came: 'grpc', status: 0, health });
});

test('a gRPC failure without a body is read with its message', async () => {
  const { port } = await grpcServer(null, { 'grpc-status': '14', 'grpc-message': 'no healthy%20upstream' });
  expect(await call(port, grpcCall())).toEqual({
    came: 'grpc',
    status: 14,
    message: 'no healthy upstream',
    health: null,
  });
});

test('an HTTP call sends its headers to the authority, and answers status and body', async () => {
  let heard: http.IncomingHttpHeaders = {};
  const server = http.createServer((request, response) => {
    heard = request.headers;
    response.writeHead(404).end('nothing here');
  });
  expect(await call(await listening(server), httpCall)).toEqual({
    came: 'http',
    status: 404,
    body: 'nothing here',
  });
  expect(heard).toMatchObject({ host: 'web.default:80', 'x-meshlift-side': 'k8s' });
});

test('a TCP connection that is kept open is an answer; one that is closed at once is none', async () => {
  const kept = await listening(net.createServer(() => undefined));
  expect(await call(kept, { protocol: 'tcp' })).toEqual({ came: 'connection' });
  const closed = await listening(net.createServer((socket) => socket.destroy()));
  expect(await call(closed, { protocol: 'tcp' })).toMatchObject({ came: 'nothing' });
});

test.each([
  ['grpc', grpcCall()],
  ['http', httpCall],
] as const)('a far end that closes without a word is no answer to %s', async (_name, what) => {
  const port = await listening(net.createServer((socket) => socket.on('data', () => socket.destroy())));
  expect(await call(port, what)).toMatchObject({ came: 'nothing' });
});

test('a caller that gives up hears no more, and the connection is closed', async () => {
  const stop = new AbortController();
  const closed = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    socket.on('close', closed.resolve).resume();
    socket.once('data', () => stop.abort(new Error('enough')));
  });
  await expect(call(await listening(server), httpCall, stop.signal)).rejects.toThrow('enough');
  await closed.promise;
});
