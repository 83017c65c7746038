import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNotFound, run } from '../parts/child.ts';
import { asRootFlags, removeOwnedByTheLab } from '../rootfs/ownership.ts';
import { findRootfs } from '../rootfs/rootfs.ts';
import { sshAccess } from './access.ts';

const NAMESPACES = ['--mount', '--pid', '--net', '--fork', '--kill-child'];
const PARTS = path.join(import.meta.dirname, '../../parts');

/** A program in namespaces of its own, as root of the lab. */
function inNamespaces(...command: string[]): [string, ...string[]] {
  return ['unshare', ...asRootFlags(), ...NAMESPACES, ...command];
}

async function permitted(argv: [string, ...string[]]): Promise<boolean> {
  try {
    return (await run({ argv, signal: AbortSignal.timeout(10_000) })).code === 0;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'meshlift');
const rootfs = await findRootfs(cache);
const possible =
  rootfs !== null && (await permitted(inNamespaces('true'))) && (await permitted(['go', 'version']));

// Needs the base system, which `lab up` leaves in the cache, and permission to make namespaces.
describe.skipIf(!possible)('a VM', { timeout: 60_000 }, () => {
  let folder: string;
  let sandbox: ChildProcess;
  let console = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'vm-boot-'));
    const systemd = path.join(folder, 'systemd');
    const built = await run({
      argv: ['go', 'build', '-C', PARTS, '-trimpath', '-buildvcs=false', '-o', systemd, './systemd'],
      env: { ...process.env, CGO_ENABLED: '0' },
      signal: AbortSignal.timeout(300_000),
    });
    expect(built.stderr).toBe('');
    const input = { stateDir: path.join(folder, 'state'), rootfs, systemd, names: ['vm', 'vm2'] };
    const fixture = path.join(import.meta.dirname, 'boot.fixture.ts');
    const [program, ...args] = inNamespaces(process.execPath, fixture, JSON.stringify(input));
    sandbox = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [sandbox.stdout, sandbox.stderr])
      stream?.on('data', (text: Buffer) => {
        console += text;
      });
    await waitFor(() => console.includes('ready\n') || sandbox.exitCode !== null);
    expect(sandbox.exitCode, console).toBeNull();
  }, 330_000);

  afterAll(async () => {
    if (sandbox?.exitCode === null) {
      sandbox.stdin?.end();
      await once(sandbox, 'exit');
      // When the lab goes down, services end in order, within the time that they are given.
      expect(console).toContain('Reached target poweroff.target.');
    }
    if (folder) await removeOwnedByTheLab(folder);
  });

  /** Runs a command on a VM over ssh, from inside the sandbox's network. */
  async function ssh(command: string, name = 'vm'): Promise<{ code: number | null; out: string }> {
    const stateDir = path.join(folder, 'state', name);
    const { config, host } = await sshAccess({ name, stateDir, port: 22 });
    const address = name === 'vm' ? '10.10.100.10' : '10.10.100.11';
    const { code, stdout, stderr } = await run({
      argv: [...(await entering()), 'ssh', '-F', config, '-o', `HostName=${address}`, host, command],
      signal: AbortSignal.timeout(20_000),
    });
    return { code, out: (stdout + stderr).trim() };
  }

  async function entering(): Promise<[string, ...string[]]> {
    // unshare --fork: the sandbox is its only child.
    const children = await readFile(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`, 'utf8');
    const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    return ['nsenter', ...user, '--net', '--target', children.trim(), '--'];
  }

  const bootCount = () => console.split('Booting vm.\n').length - 1;

  async function waitFor(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 30_000; !(await holds()); ) {
      if (Date.now() > deadline) throw new Error(`it never came to be; the console says:\n${console}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('is a machine of its own, where sudo works', async () => {
    const { out } = await ssh('hostname; id -un; sudo id -u; ps -o comm= -p 1; systemctl is-system-running');
    expect(out.split('\n')).toEqual(['vm', 'admin', '0', 'init', 'running']);
  });

  it('shows nothing of the host', async () => {
    await writeFile(path.join(folder, 'secret-of-the-host'), '');
    const { out } = await ssh(
      'sudo find / -name secret-of-the-host 2>/dev/null; sudo cat /proc/mounts /proc/self/mountinfo; ls /',
    );
    expect(out).toContain('overlay / overlay');
    expect(out).not.toContain('secret-of-the-host');
    expect(out).not.toContain(folder);
    expect(out).not.toContain(cache);
  });

  it('has neighbours with keys and disks of their own', async () => {
    expect((await ssh('hostname', 'vm2')).out).toBe('vm2');
    await ssh('sudo touch /etc/mine');
    expect((await ssh('ls /etc/mine', 'vm2')).code).toBe(2);
    const { stdout } = await run({
      argv: ['sh', '-c', `cat "${folder}"/state/*/ssh/*.pub | cut -d" " -f2 | sort -u | wc -l`],
      signal: AbortSignal.timeout(5_000),
    });
    expect(stdout.trim()).toBe('2');
  });

  it('runs a service, restarts it when it is killed, and keeps its log', async () => {
    await ssh(`sudo tee /etc/systemd/system/greeter.service <<'END'
[Service]
User=admin
ExecStart=/bin/sh -c 'echo hello from $$(id -un); exec sleep 1000'
Restart=always
RestartSec=100ms
[Install]
WantedBy=multi-user.target
END
sudo systemctl enable --now greeter`);
    expect((await ssh('systemctl is-active greeter; systemctl is-enabled greeter')).out).toBe(
      'active\nenabled',
    );
    await ssh('sudo kill -9 $(systemctl show -p MainPID --value greeter)');
    await waitFor(async () => (await ssh('systemctl show -p NRestarts --value greeter')).out === '1');
    expect((await ssh('journalctl -u greeter -o cat | grep -c "hello from admin"')).out).toBe('2');
  });

  it('runs services as Debian packages them', async () => {
    const { out } = await ssh(
      'sudo systemctl start redis-server && redis-cli ping && systemctl show -p StatusText --value redis-server; ' +
        'sudo systemctl stop redis-server; systemctl is-active redis-server',
    );
    expect(out).toBe('PONG\nReady to accept connections\ninactive');
  });

  it('lets only root change things', async () => {
    const { code, out } = await ssh('systemctl stop ssh');
    expect(code).toBe(1);
    expect(out).toContain('Interactive authentication required');
  });

  it("can't write the kernel's settings, but can those of its own network", async () => {
    const { out } = await ssh(
      'sudo sh -c "echo 1 > /proc/sys/kernel/panic" 2>&1 | tail -c 22; sudo sysctl -qw net.ipv4.ip_forward=1 && echo fine',
    );
    expect(out).toBe('Read-only file system\nfine');
  });

  it('keeps its disk over a reboot, empties /tmp and /run, forgets packet filter rules and starts what is enabled', async () => {
    await ssh(`sudo tee /etc/systemd/system/boots.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo booted >> /var/boots'
[Install]
WantedBy=multi-user.target
END
sudo systemctl enable boots; sudo touch /tmp/gone /run/gone /var/kept; sudo iptables -A INPUT -s 192.0.2.1 -j DROP
sudo nft add table ip gone`);
    const before = bootCount();
    const bootId = 'cat /proc/sys/kernel/random/boot_id';
    const earlier = (await ssh(bootId)).out;
    await ssh('sudo systemctl reboot');
    await waitFor(async () => bootCount() > before && (await ssh('true')).code === 0);
    expect((await ssh(bootId)).out).not.toBe(earlier);
    expect((await ssh('journalctl -b -o cat | grep -c ^Booting')).out).toBe('1');
    const { out } = await ssh('ls /tmp; ls -d /run/gone /var/kept; cat /var/boots; sudo nft list ruleset');
    expect(out.split('\n')).toEqual(['/var/kept', 'booted', expect.stringContaining("'/run/gone'")]);
  });
});
