import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPower, rebootVm } from './power.ts';
import { answersSsh } from './vm.ts';

describe('the power switch', () => {
  let folder: string;
  let socket: string;
  let server: Server | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'power-'));
    socket = path.join(folder, 'switch');
  });
  afterEach(async () => {
    server?.close();
    server = undefined;
    await rm(folder, { recursive: true });
  });

  function answering(answer: (word: string) => string): Promise<void> {
    return new Promise((resolve) => {
      server = createServer((connection) => {
        connection.on('data', (word) => connection.end(`${answer(word.toString().trim())}\n`));
      }).listen(socket, resolve);
    });
  }

  it('says whether the VM is on', async () => {
    await answering((word) => (word === 'status' ? '{"on":true,"pid":12,"boots":2}' : 'error: what?'));
    expect(await readPower(socket)).toEqual({ on: true, pid: 12, boots: 2 });
  });

  it('tells why something could not be done', async () => {
    await answering(() => 'error: mount the root: no space left');
    await expect(rebootVm(socket)).rejects.toThrow('told to reboot: mount the root: no space left');
  });

  it('says so when nobody is there', async () => {
    await expect(readPower(socket)).rejects.toThrow(/its component isn't running/);
  });
});

describe('waiting for sshd', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
    server = undefined;
  });

  function greetingWith(text: string | null): Promise<number> {
    return new Promise((resolve, reject) => {
      server = createServer((connection) => {
        connection.on('error', () => undefined);
        if (text === null) connection.destroy();
        else connection.write(text);
      });
      server.listen(0, '127.0.0.1', () => {
        const address = server?.address();
        if (address && typeof address === 'object') resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  }
  const ask = (port: number) => answersSsh('127.0.0.1', port, AbortSignal.timeout(5_000));

  it('takes the greeting of a server that speaks SSH', async () => {
    expect(await ask(await greetingWith('SSH-2.0-OpenSSH_9.2p1\r\n'))).toBe(true);
  });

  it('takes nothing else', async () => {
    expect(await ask(await greetingWith('220 mail ready\r\n'))).toBe(false);
    server?.close();
    expect(await ask(await greetingWith(null))).toBe(false);
  });

  it('takes a port where nobody listens for "not yet"', async () => {
    const port = await greetingWith('SSH-2.0-x\r\n');
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    expect(await ask(port)).toBe(false);
  });
});
