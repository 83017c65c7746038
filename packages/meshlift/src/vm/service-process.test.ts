import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseServiceProcess, serviceScript } from './service-process.ts';

/** Listens, and has: a file that it writes, one that its command line names, a call to another, and a secret. */
const program = `
const { createServer, connect } = require('node:net');
const { openSync } = require('node:fs');
const [port, other, data] = process.argv.slice(2);
openSync(data, 'a');
connect(Number(other), '127.0.0.1', () => createServer().listen(Number(port), () => console.log('ready')));
`;

describe.runIf(process.platform === 'linux')('the program behind a port', () => {
  let folder: string;
  let neighbour: Server;
  let service: ChildProcess;
  let port: number;
  const neighbourPort = () => (neighbour.address() as { port: number }).port;

  beforeEach(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'meshlift-service-')));
    neighbour = createServer().listen(0, '127.0.0.1');
    const free = createServer().listen(0);
    await Promise.all([once(neighbour, 'listening'), once(free, 'listening')]);
    port = (free.address() as { port: number }).port;
    free.close();
    await once(free, 'close');
    writeFileSync(join(folder, 'service.cjs'), program);
    writeFileSync(join(folder, 'settings.json'), '{}');
    const settings = `--settings=${join(folder, 'settings.json')}`;
    service = spawn(
      process.execPath,
      [join(folder, 'service.cjs'), `${port}`, `${neighbourPort()}`, join(folder, 'data.db'), settings],
      {
        cwd: folder,
        env: { CATALOG_KEY: 'line one=\nSECRET_LINE=of the value\nlast', PLAIN: 'x' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    if (service.stdout) await once(service.stdout, 'data');
  });

  afterEach(async () => {
    service.kill('SIGKILL');
    await once(service, 'exit');
    neighbour.close();
    rmSync(folder, { recursive: true });
  });

  const look = (at: number) => execFileSync('sh', ['-c', serviceScript(at)], { encoding: 'utf8' });

  it('is found by the script, with what it uses', () => {
    const found = parseServiceProcess(look(port), port);
    expect(found).toMatchObject({
      program: realpathSync(process.execPath),
      folder,
      processes: 1,
      unit: null,
      environment: ['CATALOG_KEY', 'PLAIN'],
      listens: [{ port, loopback: false }],
    });
    expect(found?.residentBytes).toBeGreaterThan(10e6);
    expect(found?.cores).toBeGreaterThan(0);
    expect(found?.files).toContainEqual({ path: join(folder, 'data.db'), written: true });
    expect(found?.argumentFiles).toContain(join(folder, 'settings.json'));
    expect(found?.calls.map(({ remote }) => remote.port)).toContain(neighbourPort());
  });

  it('keeps to itself what its variables hold, also where that has several lines', () => {
    expect(look(port)).not.toMatch(/SECRET_LINE|line one|of the value/);
  });

  it('is nobody where nothing listens', () => {
    expect(parseServiceProcess(look(1), 1)).toBeNull();
  });
});

it('a stand-in that hands connections on to a container is not the service', () => {
  expect(parseServiceProcess('\n=pids=\n7\n\n=program=\n/usr/bin/docker-proxy\n/\n', 80)).toBeNull();
});
