import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import type { Ssh } from '../effects/ssh/port.ts';

/**
 * A machine of its own for a test: this machine's programs, but folders that Meshlift writes to are the test's, packages
 * are installed by the real dpkg, and every command comes through the real ssh transport (to a stand-in for ssh). Only
 * systemd and Istio's programs are stand-ins.
 */
export interface SandboxVm {
  readonly ssh: Ssh;
  readonly sidecarPackage: { readonly path: string; readonly sha256: string };
  /** puts a shell script in the place of one of its programs */
  tool(name: string, script: string): void;
  /** runs a command as root in it */
  sh(script: string): string;
  /** every file with its owner, mode and content, but not what package tools keep for themselves */
  files(): string[];
  close(): Promise<void>;
}

const testdata = path.join(import.meta.dirname, 'testdata');

/** Whether this machine can make one: it takes root, bubblewrap and dpkg. */
export const canSandbox =
  process.getuid?.() === 0 && ['/usr/bin/bwrap', '/usr/bin/dpkg-deb'].every((tool) => existsSync(tool));

/** `openSsh` is the real one: what the sandbox is for. */
export async function sandboxVm(openSsh: (target: { host: string }) => Promise<Ssh>): Promise<SandboxVm> {
  const root = mkdtempSync(path.join(tmpdir(), 'meshlift-vm-'));
  layOut(root);
  const prefix = ['bwrap', ...sandboxArguments(root)];
  vi.stubEnv('PATH', `${path.join(import.meta.dirname, '../effects/ssh/testdata')}:${process.env.PATH}`);
  vi.stubEnv('FAKE_SSH_IN', prefix.join(' '));
  const ssh = await openSsh({ host: 'vm' });
  const sh = (script: string) =>
    execFileSync('bwrap', [...prefix.slice(1), 'sh', '-c', script], { encoding: 'utf8' });
  return {
    ssh,
    sidecarPackage: buildPackage(root),
    tool: (name, script) =>
      writeFileSync(path.join(root, 'usr-local/sbin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 }),
    sh,
    files: () => sh(listScript).trim().split('\n').sort(),
    async close() {
      await ssh.close();
      vi.unstubAllEnvs();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function layOut(root: string): void {
  const folders = [
    'etc/systemd/system/multi-user.target.wants',
    'usr-local/bin',
    'usr-local/sbin',
    'usr-local/share',
    'var/lib/dpkg/info',
    'var/lib/dpkg/updates',
    'var/log',
    'run',
  ];
  for (const folder of folders) mkdirSync(path.join(root, folder), { recursive: true });
  const write = (file: string, text: string) => writeFileSync(path.join(root, file), text);
  write('etc/hosts', '127.0.0.1 localhost'); // without a newline at its end, as people leave it
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  write('etc/group', 'root:x:0:\n');
  write('etc/shadow', 'root:*:19000:0:99999:7:::\n');
  write('etc/gshadow', 'root:*::\n');
  write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\n');
  write('etc/os-release', 'ID=debian\nVERSION_ID="12"\n');
  write('var/lib/dpkg/status', '');
  symlinkSync('/run', path.join(root, 'var/run'));
  makeCertificate(root, 'certificate.pem', 'spiffe://cluster.local/ns/shop/sa/catalog');
  makeCertificate(root, 'other.pem', 'spiffe://cluster.local/ns/other/sa/other');
  copyFileSync(path.join(testdata, 'tools/systemctl'), path.join(root, 'usr-local/sbin/systemctl'));
}

/** What the mesh's certificate authority would sign, as /usr/local/share/NAME. */
function makeCertificate(root: string, name: string, identity: string): void {
  const out = path.join(root, 'usr-local/share', name);
  const request =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=vm -keyout /dev/null';
  execFileSync('openssl', [...request.split(' '), '-addext', `subjectAltName=URI:${identity}`, '-out', out], {
    stdio: 'ignore',
  });
}

function sandboxArguments(root: string): string[] {
  const binds = [
    ['etc', '/etc'],
    ['var', '/var'],
    ['usr-local', '/usr/local'],
    ['run', '/run'],
  ];
  return [
    // Not /usr as a whole: dpkg gives up on a read-only folder that it wants to remove, but not on a mount point.
    ...['--perms', '0755', '--dir', '/usr'],
    ...['bin', 'sbin', 'lib', 'lib64', 'share'].flatMap((folder) => [
      '--ro-bind',
      `/usr/${folder}`,
      `/usr/${folder}`,
    ]),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--dir', '/root'],
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((link) => ['--symlink', `usr/${link}`, `/${link}`]),
    ...binds.flatMap(([from = '', to = '']) => ['--bind', path.join(root, from), to]),
    ...['--cap-add', 'ALL', '--unshare-pid', '--die-with-parent', '--chdir', '/'],
    ...[
      '--setenv',
      'PATH',
      '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      '--unsetenv',
      'TMPDIR',
    ],
  ];
}

/** The lib of this sandbox is the host's, read-only: the unit file is left out of the package. */
function buildPackage(root: string): { path: string; sha256: string } {
  const tree = path.join(root, 'package');
  for (const folder of ['DEBIAN', 'usr/local/bin', 'var/lib/istio/envoy'])
    mkdirSync(path.join(tree, folder), { recursive: true });
  const control =
    'Package: istio-sidecar\nVersion: 1.31.0\nArchitecture: all\nMaintainer: test\nDescription: test\n';
  writeFileSync(path.join(tree, 'DEBIAN/control'), control);
  writeFileSync(path.join(tree, 'var/lib/istio/envoy/sidecar.env'), '# nothing\n');
  copyFileSync(path.join(testdata, 'package/postinst'), path.join(tree, 'DEBIAN/postinst'));
  copyFileSync(path.join(testdata, 'package/pilot-agent'), path.join(tree, 'usr/local/bin/pilot-agent'));
  const file = path.join(root, 'istio-sidecar.deb');
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, file], { stdio: 'ignore' });
  return { path: file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

const listScript = `
find /etc /var /usr/local /run \\( -path /var/lib/dpkg -o -path '/etc/*-' -o -name .pwd.lock -o -name '*.log' -path '/var/l*' \\) -prune -o -print | while read -r f; do
  echo "$f $(stat -c '%F %a %U:%G' "$f") $(if [ -L "$f" ]; then readlink "$f"; elif [ -f "$f" ]; then sha256sum < "$f"; fi)"
done`;
