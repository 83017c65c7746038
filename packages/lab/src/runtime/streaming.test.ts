import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Streaming } from './streaming.ts';

let folder: string;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streaming-'));
});

afterEach(async () => {
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

/** A streaming server that answers every request alike. */
async function answering(status: number, body: string): Promise<Streaming> {
  const socket = join(folder, 's.sock');
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return new Streaming(socket);
}

const portForward = { kind: 'portForward', podId: 'p1', ports: [8080] } as const;

it('a stream is found under the URL that the server answers', async () => {
  const streaming = await answering(200, '{"url":"http://127.0.0.1:1/portforward/t"}');
  expect(await streaming.url(portForward)).toBe('http://127.0.0.1:1/portforward/t');
});

it("a stream that the server refuses fails with the server's words", async () => {
  const streaming = await answering(422, 'missing required pod_sandbox_id\n');
  await expect(streaming.url(portForward)).rejects.toThrow(
    /refused to portForward: missing required pod_sandbox_id/,
  );
});

it('a server that is not there is named by its socket', async () => {
  await expect(new Streaming(join(folder, 'none.sock')).url(portForward)).rejects.toThrow(
    /does not answer on .*none\.sock/,
  );
});
