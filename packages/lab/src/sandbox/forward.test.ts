import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { openForward } from './forward.ts';

const open: { close(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** The sandbox's end of forwards: says hello with the target's name, then sends back all that it gets. */
async function sandbox(): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'forward-')), 'sandbox.sock');
  const server = createServer();
  server.on('connect', (request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n\r\nhello from ${request.url}: `);
    socket.pipe(socket);
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

/** The sandbox's end of a forward to a server that speaks first, in the same packet as the answer to the forward. */
async function eagerSandbox(banner: string): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'forward-')), 'sandbox.sock');
  const server = createServer();
  server.on('connect', (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n\r\n${banner}`);
    void text(socket).then((got) => socket.end(`got ${got}`));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

async function through(server: Server, port: number, words: string): Promise<string> {
  open.push(server);
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.end(words);
  return text(client);
}

test('a connection reaches its target, both ways, and the end of one direction leaves the other open', async () => {
  const { server, port } = await openForward('10.10.1.10:6443', await sandbox());
  expect(await through(server, port, 'and back')).toBe('hello from 10.10.1.10:6443: and back');
});

test('large bodies arrive whole', async () => {
  const { server, port } = await openForward('10.10.1.10:6443', await sandbox());
  const body = 'x'.repeat(3_000_000);
  expect((await through(server, port, body)).length).toBe(
    'hello from 10.10.1.10:6443: '.length + body.length,
  );
});

test('with nobody inside, the connection is closed', async () => {
  const { server, port } = await openForward('10.10.1.10:6443', '/nowhere/sandbox.sock');
  expect(await through(server, port, 'anyone?').catch(() => '')).toBe('');
});

test('what a server says first reaches the client, also when it comes with the connection itself', async () => {
  const { server, port } = await openForward('10.10.100.10:22', await eagerSandbox('SSH-2.0-sshd\r\n'));
  expect(await through(server, port, 'and back')).toBe('SSH-2.0-sshd\r\ngot and back');
});
