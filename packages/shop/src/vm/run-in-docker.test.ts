import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { servedAt } from '../catalog-calls/served-by.ts';
import { freePort } from '../local/shop-on-loopback.ts';
import { createLog } from '../process/log.ts';
import { connect } from '../rpc/client.ts';
import { ProductCatalogService } from '../wire/generated/hipstershop/shop_pb.js';

const script = fileURLToPath(new URL('../../vm/run-in-docker.sh', import.meta.url));
const standIn = fileURLToPath(new URL('./stand-in-docker.ts', import.meta.url));
const log = createLog({ service: 'test', level: 'error', write: () => {} });
const IMAGE = 'registry.example/shop/productcatalogservice:1.0.0';

/** A VM whose `docker` is ours: it keeps what it was told in a folder, and runs the catalog as a process. */
let folder: string;
let port: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'run-in-docker-'));
  port = await freePort();
  symlinkSync(standIn, join(folder, 'docker'));
  executable('systemctl', 'exit 3');
  write('settings', `PORT=${port}\nLISTEN_ADDR=127.0.0.1\n`);
  write('images.json', JSON.stringify({ [IMAGE]: 'sha256:one' }));
});

afterEach(async () => {
  await runScript(join(folder, 'docker'), ['rm', '--force', 'productcatalogservice']);
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function executable(name: string, body: string): void {
  write(name, `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(command: string, args: readonly string[], path = `${folder}:${process.env.PATH}`) {
  return new Promise<Said>((resolve) => {
    const env = { ...process.env, PATH: path, STAND_IN_DOCKER: folder };
    execFile(command, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

const run = (...args: string[]) => runScript('/bin/sh', [script, ...args]);

interface Container {
  readonly pid: number;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function container(): Container | null {
  const file = join(folder, 'container.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Container) : null;
}

async function catalogAnswer() {
  const catalog = connect(ProductCatalogService, { address: `127.0.0.1:${port}`, log });
  try {
    const { message, headers } = await catalog.listProducts({});
    return {
      products: message.products.length,
      side: headers.get('x-served-by-side'),
      reachedAt: servedAt(headers),
    };
  } finally {
    catalog.close();
  }
}

describe('the catalog in Docker on a VM', { timeout: 30_000 }, () => {
  it('runs in the VM’s own network, comes back by itself, and answers as the VM', async () => {
    expect(await run(IMAGE, join(folder, 'settings'))).toEqual({
      code: 0,
      stdout: 'productcatalogservice is running\n',
      stderr: '',
    });
    const before = Date.now();
    const { reachedAt, ...answer } = await catalogAnswer();
    expect(answer).toEqual({ products: 12, side: 'vm' });
    expect(reachedAt).toBeGreaterThanOrEqual(before);
    expect(reachedAt).toBeLessThanOrEqual(Date.now());
    expect(container()?.flags).toEqual(
      expect.arrayContaining(['--network=host', '--restart=always', '--read-only', '--cap-drop=ALL']),
    );
    expect(container()?.env).toMatchObject({ SERVED_BY_CLUSTER: 'vm', DISABLE_PROFILER: '1' });
  });

  it('is left alone when it is run again, and replaced when the image or the settings have changed', async () => {
    const settings = join(folder, 'settings');
    const pids = new Set<number | undefined>();
    const after = async (): Promise<number> => {
      expect(await run(IMAGE, settings)).toMatchObject({ code: 0 });
      return pids.add(container()?.pid).size;
    };
    expect(await after()).toBe(1);
    expect(await after()).toBe(1);
    write('images.json', JSON.stringify({ [IMAGE]: 'sha256:two' }));
    expect(await after()).toBe(2);
    write('settings', `PORT=${port}\nLISTEN_ADDR=127.0.0.1\nSERVED_BY_SIDE=elsewhere\n`);
    expect(await after()).toBe(3);
    expect(await catalogAnswer()).toMatchObject({ side: 'elsewhere' });
  });

  it('is told as broken when it ends again and again', async () => {
    write('settings', `PORT=${port}\nFAULT_ERROR_RATE=nonsense\n`);
    const { code, stderr } = await run(IMAGE, join(folder, 'settings'));
    expect(code).toBe(1);
    expect(stderr).toContain(`nothing listens on port ${port}; see: docker logs productcatalogservice`);
  });

  it('is not touched when something is wrong with what was asked for', async () => {
    await run(IMAGE, join(folder, 'settings'));
    const before = container();
    expect(before).not.toBeNull();
    for (const [args, message] of [
      [[], 'expected the image'],
      [[IMAGE, '/nowhere/settings'], '/nowhere/settings is missing'],
      [['nobody/has:1', join(folder, 'settings')], 'nobody/has:1 could not be pulled'],
    ] as const) {
      const { code, stderr } = await run(...args);
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
      expect(container()).toEqual(before);
    }
    expect(await catalogAnswer()).toMatchObject({ products: 12 });
  });

  it('does not fight with the systemd service for the port', async () => {
    executable('systemctl', 'exit 0');
    const { code, stderr } = await run(IMAGE, join(folder, 'settings'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('systemctl disable --now')]);
    expect(container()).toBeNull();
  });

  it('says where there is no docker what needs none', async () => {
    const { code, stderr } = await runScript('/bin/sh', [script, IMAGE], '/nowhere');
    expect([code, stderr]).toEqual([1, expect.stringContaining('vm/install.sh needs none')]);
  });
});
