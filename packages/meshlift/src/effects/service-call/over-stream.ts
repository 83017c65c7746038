import { once } from 'node:events';
import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { http } from '../node-http.ts';
import { grpcFrame, healthOf } from './grpc-health.ts';
import type { CallAnswer, ServiceCall } from './port.ts';

/** A proxy that cannot reach the far end closes the connection that it took; one that is still open by then is through. */
const tcpKeptMs = 1_000;

/**
 * Makes one call over a stream that is connected to the service (or to a proxy before it), and closes the stream.
 * Rejects only when `signal` aborts; a far end that says nothing, or nonsense, is an answer.
 */
export async function callOverStream(
  stream: Duplex,
  call: ServiceCall,
  signal: AbortSignal,
): Promise<CallAnswer> {
  const broken = new Promise<CallAnswer>((resolve) => {
    stream.once('error', (error) => resolve({ came: 'nothing', why: error.message }));
    stream.once('close', () => resolve({ came: 'nothing', why: 'the connection was closed' }));
  });
  const stopped = once(signal, 'abort').then(() => Promise.reject(signal.reason));
  stopped.catch(() => undefined); // it is only heard as long as the race below runs
  try {
    signal.throwIfAborted();
    return await Promise.race([speak(stream, call), broken, stopped]);
  } finally {
    stream.destroy();
  }
}

function speak(stream: Duplex, call: ServiceCall): Promise<CallAnswer> {
  switch (call.protocol) {
    case 'http':
      return overHttp(stream, call);
    case 'grpc':
      return overGrpc(stream, call);
    case 'tcp':
      return delay(tcpKeptMs).then(() => ({ came: 'connection' }));
  }
}

function overHttp(
  stream: Duplex,
  { authority, path, headers }: Extract<ServiceCall, { protocol: 'http' }>,
): Promise<CallAnswer> {
  return new Promise((resolve) => {
    const request = http.get({
      createConnection: () => stream as unknown as import('node:net').Socket,
      path,
      headers: { ...headers, Host: authority, Connection: 'close' },
    });
    request.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      response.once('end', () => resolve({ came: 'http', status: response.statusCode ?? 0, body }));
    });
    request.once('error', (error) => resolve({ came: 'nothing', why: error.message }));
  });
}

function overGrpc(
  stream: Duplex,
  { authority, service, headers }: Extract<ServiceCall, { protocol: 'grpc' }>,
): Promise<CallAnswer> {
  return new Promise((resolve) => {
    const nothing = (error: Error) => resolve({ came: 'nothing', why: error.message });
    const session = http2.connect(`http://${authority}`, { createConnection: () => stream });
    session.once('error', nothing);
    const request = session.request({
      ...headers,
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let http1: number | null = null;
    let grpc: http2.IncomingHttpHeaders = {};
    const body: Buffer[] = [];
    // A failure without a body has its status among the headers; any other answer, in the trailers.
    request.once('response', (received) => {
      http1 = received[':status'] ?? null;
      grpc = { ...received };
    });
    request.once('trailers', (received) => {
      grpc = { ...grpc, ...received };
    });
    request.on('data', (piece: Buffer) => void body.push(piece));
    request.once('error', nothing);
    request.once('end', () => {
      const status = grpc['grpc-status'];
      if (status === undefined) {
        resolve({ came: 'http', status: http1 ?? 0, body: Buffer.concat(body).toString('utf8') });
        return;
      }
      const message = decodeURIComponent(String(grpc['grpc-message'] ?? ''));
      const health = Number(status) === 0 ? healthOf(Buffer.concat(body)) : null;
      resolve({ came: 'grpc', status: Number(status), message, health });
    });
    request.end(grpcFrame(service));
  });
}
