import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../parts/child.ts';
import { debianVersion, ensureSidecarPackage } from './sidecar-package.ts';

const signal = AbortSignal.timeout(60_000);

describe('the package of the sidecar', { timeout: 30_000 }, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sidecar-'));
    for (const [file, text] of Object.entries({
      'bin/pilot-agent': '#!/bin/sh\n',
      'bin/envoy': '#!/bin/sh\n',
      'share/istio/istio-start.sh': '#!/bin/bash\n',
      'share/istio/istio.service': '[Service]\n',
      'share/istio/sidecar.env': '# settings\n',
      'share/istio/envoy_bootstrap.json': '{}\n',
      'share/istio/postinst.sh': '#!/bin/bash\necho configured\n',
    })) {
      await mkdir(path.join(folder, path.dirname(file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
      await chmod(path.join(folder, file), 0o555); // as Go's module cache and pip leave them
    }
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const make = (istio = 'v1.31.2') =>
    ensureSidecarPackage({
      parts: {
        bin: (name) => path.join(folder, 'bin', name),
        share: (name) => path.join(folder, 'share', name),
        versions: { istio },
      },
      cacheDir: path.join(folder, 'cache'),
      signal,
    });

  async function dpkg(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await run({ argv: ['dpkg-deb', ...args], signal });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout;
  }

  it("has Istio's layout, owned by root", async () => {
    const { path: file } = await make();
    const lines = (await dpkg('--contents', file)).trim().split('\n');
    const files = lines.filter((line) => line.startsWith('-')).map((line) => line.split(/\s+/));
    expect(files.map(([mode, owner, , , , name]) => `${mode} ${owner} ${name}`).sort()).toEqual([
      '-rw-r--r-- root/root ./lib/systemd/system/istio.service',
      '-rw-r--r-- root/root ./var/lib/istio/envoy/envoy_bootstrap_tmpl.json',
      '-rw-r--r-- root/root ./var/lib/istio/envoy/sidecar.env',
      '-rwxr-xr-x root/root ./usr/local/bin/envoy',
      '-rwxr-xr-x root/root ./usr/local/bin/istio-start.sh',
      '-rwxr-xr-x root/root ./usr/local/bin/pilot-agent',
    ]);
  });

  it('says what it is and what it needs', async () => {
    const { path: file, version } = await make();
    expect(version).toBe('1.31.2');
    expect(await dpkg('--field', file, 'Package', 'Version', 'Depends')).toBe(
      'Package: istio-sidecar\nVersion: 1.31.2\nDepends: hostname, iproute2, iptables, sudo\n',
    );
    expect(await dpkg('--info', file, 'postinst')).toContain('echo configured');
    expect(await dpkg('--info', file, 'conffiles')).toContain('/var/lib/istio/envoy/sidecar.env\n');
  });

  it('is made once, also by two at once, and leaves nothing else in the cache', async () => {
    const [one, two] = await Promise.all([make(), make()]);
    expect(two).toEqual(one);
    const { mtimeMs } = await stat(one.path);
    expect(await make()).toEqual(one);
    expect((await stat(one.path)).mtimeMs).toBe(mtimeMs);
    expect(
      createHash('sha256')
        .update(await readFile(one.path))
        .digest('hex'),
    ).toBe(one.sha256);
    const entries = await readdir(path.join(folder, 'cache/sidecar'));
    expect(entries.sort()).toEqual([path.basename(path.dirname(one.path)), 'lock'].sort());
  });

  it('is made anew when a part has changed', async () => {
    const before = await make();
    await chmod(path.join(folder, 'bin/envoy'), 0o755);
    await writeFile(path.join(folder, 'bin/envoy'), '#!/bin/sh\nexit 1\n');
    const after = await make();
    expect(after.path).not.toBe(before.path);
    expect(after.sha256).not.toBe(before.sha256);
  });

  it('is the same package wherever the same parts make it', async () => {
    const before = await make();
    await rm(path.join(folder, 'cache'), { recursive: true });
    expect((await make()).sha256).toBe(before.sha256);
  });

  it('leaves room in the cache: the oldest packages go', async () => {
    const made = [];
    for (let i = 1; i <= 6; i++) made.push(await make(`1.31.${i}`));
    const kept = (await readdir(path.join(folder, 'cache/sidecar'))).filter((name) => name !== 'lock');
    const newest = made.slice(-4).map((each) => path.basename(path.dirname(each.path)));
    expect(kept.sort()).toEqual(newest.sort());
  });

  it('has a version that dpkg takes, or is not made', () => {
    expect(debianVersion('1.31-dev')).toBe('1.31-dev');
    expect(() => debianVersion('unknown')).toThrow(/"unknown" can't be the version/);
    expect(() => debianVersion('')).toThrow(/must say which Istio/);
  });
});
