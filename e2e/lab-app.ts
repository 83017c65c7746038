/**
 * What pods of the lab's scenarios run. It answers every way that a kubelet can probe, and is told through files in
 * /tmp how to answer: startup passes once `started` is there, readiness while `ready` is, liveness unless `dead` is.
 */
import { existsSync, watch } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type Server } from 'node:net';
import { hostname } from 'node:os';

const passes: Readonly<Record<string, () => boolean>> = {
  startup: () => existsSync('/tmp/started'),
  readiness: () => existsSync('/tmp/ready'),
  liveness: () => !existsSync('/tmp/dead'),
};

// `GET /readiness` and the like; everything else says who answers, and what it was sent.
createServer((request, response) => {
  const probed = passes[(request.url ?? '').slice(1)];
  response.writeHead(probed && !probed() ? 503 : 200, { 'content-type': 'application/json' });
  const { VERSION: version } = process.env;
  response.end(`${JSON.stringify({ version, host: hostname(), headers: request.headers })}\n`);
}).listen(8080);

// gRPC's health service, asked for `readiness` and the like.
createHttp2Server()
  .on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      // Five bytes of gRPC's frame, then the message's only field: its key, its length, the text.
      const service = Buffer.concat(chunks).subarray(7).toString();
      const serving = passes[service]?.() ? 1 : 2;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]));
    });
  })
  .listen(9000);

// A port each, which is open while the probe is to pass.
const doors: Readonly<Record<string, number>> = { startup: 7001, readiness: 7002, liveness: 7003 };
const open = new Map<string, Server>();
function openAndShut(): void {
  for (const [probe, port] of Object.entries(doors)) {
    const server = open.get(probe);
    if (passes[probe]?.() && !server) {
      open.set(probe, createTcpServer((socket) => socket.end()).listen(port));
    } else if (!passes[probe]?.() && server) {
      server.close();
      open.delete(probe);
    }
  }
}
watch('/tmp', openAndShut);
openAndShut();

process.on('SIGTERM', () => process.exit(0));
