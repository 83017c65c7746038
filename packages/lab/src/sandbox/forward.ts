import { request } from 'node:http';
import { createServer, type Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * A port of 127.0.0.1 that leads into the sandbox: every connection becomes a CONNECT on the supervisor's
 * socket, for the two sides share a file system but no network.
 */
export function openForward(
  target: string,
  sandboxSocket: string,
): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (client) => relay(client, target, sandboxSocket));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no TCP port was given'));
      resolve({ server, port: address.port });
    });
  });
}

function relay(client: Socket, target: string, socketPath: string): void {
  client.on('error', () => client.destroy());
  const connect = request({ socketPath, method: 'CONNECT', path: target, agent: false });
  connect.on('connect', (response, inside, head) => {
    if (response.statusCode !== 200) return client.destroy();
    // Servers that speak first, as sshd does, may have begun in the same packet.
    if (head.length > 0) inside.unshift(head);
    join(client, inside);
  });
  // Nobody inside yet, or not any more: to the client that is a connection that was closed.
  connect.on('error', () => client.destroy());
  client.once('close', () => connect.destroy());
  connect.end();
}

/** Copies both ways until both are done; either one's failure ends the other. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    if (from instanceof Socket) from.setNoDelay(true);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.once('close', () => to.destroy());
  }
}
