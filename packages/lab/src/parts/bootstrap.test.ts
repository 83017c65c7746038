import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeProgram } from './fake-world.ts';

// Each starts a shell and what that calls; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 30_000 });

const SCRIPT = fileURLToPath(new URL('../../../../scripts/bootstrap.sh', import.meta.url));
/** The system's own, for the script itself. */
const SYSTEM = [
  'dirname',
  'sed',
  'grep',
  'sleep',
  'mktemp',
  'head',
  'tail',
  'cat',
  'wc',
  'touch',
  'rm',
  'mv',
  'chmod',
];
/** What the script looks for; `id` says that this is no root, so that it installs nothing. */
const WANTED: Record<string, string> = {
  id: 'echo 1000',
  node: 'echo v20.11.0',
  npm: 'echo "npm $*" >>"$HOME/npm-calls"',
  go: 'echo go1.22.0',
  'apt-get': 'exit 1',
  ...Object.fromEntries(
    [
      'mmdebstrap',
      'bwrap',
      'iptables',
      'nft',
      'ip',
      'ps',
      'ssh',
      'unshare',
      'dpkg-deb',
      'newuidmap',
      'python3',
    ].map((name) => [name, 'exit 0']),
  ),
};

let root: string;
let bin: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'meshlift-bootstrap-'));
  bin = join(root, 'bin');
  await mkdir(join(root, 'scripts'));
  await mkdir(join(root, 'node_modules'));
  await mkdir(bin);
  // The one thing that it looks for outside the PATH.
  const script = await readFile(SCRIPT, 'utf8');
  await writeFile(join(root, 'scripts/bootstrap.sh'), script.replaceAll('/usr/share/keyrings/', `${root}/`));
  await writeFile(join(root, 'debian-archive-keyring.gpg'), '');
  await writeFile(join(root, 'package-lock.json'), '{}');
  await writeFile(join(root, 'node_modules/.package-lock.json'), '{}');
  for (const name of SYSTEM) await symlink(join('/usr/bin', name), join(bin, name));
  for (const [name, text] of Object.entries(WANTED))
    await writeProgram(join(bin, name), `#!/bin/sh\n${text}\n`);
});
afterEach(() => rm(root, { recursive: true }));

function bootstrap() {
  const { status, stderr, stdout } = spawnSync('/bin/sh', [join(root, 'scripts/bootstrap.sh')], {
    env: { PATH: bin, HOME: root },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

describe('bootstrap.sh', () => {
  it('says nothing on a machine that has everything', () => {
    expect(bootstrap()).toEqual({ status: 0, said: '' });
  });

  it('names the exact command when packages are missing and it may not install them', async () => {
    // iptables and the like may be in the system's sbin folders, which are searched too.
    for (const name of ['bwrap', 'mmdebstrap', 'newuidmap']) await rm(join(bin, name));
    const { status, said } = bootstrap();
    expect(status).toBe(69);
    expect(said).toContain('sudo apt-get install -y --no-install-recommends mmdebstrap bubblewrap uidmap\n');
  });

  it('names Debian packages also where there is no apt, for the user to translate', async () => {
    await rm(join(bin, 'bwrap'));
    await rm(join(bin, 'apt-get'));
    const { status, said } = bootstrap();
    expect(status).toBe(69);
    expect(said).toContain('what Debian packages as bubblewrap');
  });

  it.each([
    ['v18.20.4', 69],
    ['v9.0.0', 69],
    ['v20.0.0', 0],
    ['v24.21.0', 0],
  ])('judges Node %s by its number: exit code %i', async (version, status) => {
    await writeProgram(join(bin, 'node'), `#!/bin/sh\necho ${version}\n`);
    const result = bootstrap();
    expect(result.status).toBe(status);
    if (status !== 0) expect(result.said).toContain(`node is ${version}`);
  });

  it('asks for pip only as long as the parts have still to be made', async () => {
    await writeProgram(join(bin, 'python3'), '#!/bin/sh\nexit 1\n');
    expect(bootstrap().said).toContain('python3-pip');
    await mkdir(join(root, '.cache/meshlift/parts/0123456789abcdef'), { recursive: true });
    await writeFile(join(root, '.cache/meshlift/parts/0123456789abcdef/manifest.json'), '{}');
    expect(bootstrap()).toEqual({ status: 0, said: '' });
  });

  it('installs the npm packages once when the lock file is newer', async () => {
    const past = new Date(Date.now() - 60_000);
    await utimes(join(root, 'node_modules/.package-lock.json'), past, past);
    expect(bootstrap().said).toBe("Installing the workspace's npm packages …\n");
    expect(bootstrap().said).toBe('');
    expect(await readFile(join(root, 'npm-calls'), 'utf8')).toMatch(/^npm install --no-save .*\n$/);
  });

  it('shows what npm said when it fails, and fails itself', async () => {
    await rm(join(root, 'node_modules'), { recursive: true });
    await writeProgram(join(bin, 'npm'), '#!/bin/sh\necho "npm error network" >&2; exit 3\n');
    const { status, said } = bootstrap();
    expect(status).toBe(3);
    expect(said).toContain('npm error network');
  });
});
