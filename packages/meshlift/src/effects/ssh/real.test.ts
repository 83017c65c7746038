import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isMeshliftError, type MeshliftError } from '../../errors/error.ts';
import type { Ssh } from './port.ts';
import { openSsh } from './real.ts';

const target = { host: 'vm' };
const me = `${userInfo().username}:${execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()}`;

let folder: string;
let open: Ssh[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'meshlift-test-'));
  open = [];
  vi.stubEnv('PATH', `${path.join(import.meta.dirname, 'testdata')}:${process.env.PATH}`);
  vi.stubEnv('TMPDIR', folder);
});

afterEach(async () => {
  for (const ssh of open) await ssh.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function login(): Promise<Ssh> {
  const ssh = await openSsh(target);
  open.push(ssh);
  return ssh;
}

async function refusedLogin(stderr: string): Promise<MeshliftError> {
  vi.stubEnv('FAKE_SSH_SAYS', stderr);
  const error: unknown = await openSsh(target).catch((thrown: unknown) => thrown);
  if (!isMeshliftError(error)) throw new Error(`expected a refusal, got ${error}`);
  return error;
}

describe('logging in', () => {
  it('names the VM as the configuration resolves it', async () => {
    expect((await login()).target).toBe('admin@10.1.2.3:2222');
  });

  it('never asks for anything and never takes an unknown host key', async () => {
    vi.stubEnv('FAKE_SSH_LOG', path.join(folder, 'calls'));
    await login();
    const calls = await readFile(path.join(folder, 'calls'), 'utf8');
    expect(calls).toContain('-o BatchMode=yes -o StrictHostKeyChecking=yes');
  });

  it.each([
    ['ssh: connect to host 10.1.2.3 port 2222: Connection refused', 'ssh-unreachable', 'Connection refused'],
    ['ssh: connect to host 10.1.2.3 port 2222: Connection timed out', 'ssh-unreachable', 'timed out'],
    ['ssh: Could not resolve hostname vm: Name or service not known', 'ssh-unreachable', 'not resolve'],
    ['kex_exchange_identification: Connection closed by remote host', 'ssh-unreachable', 'closed'],
    ['admin@10.1.2.3: Permission denied (publickey).', 'ssh-denied', 'Permission denied (publickey)'],
    [
      'Received disconnect from 10.1.2.3 port 22:2: Too many authentication failures',
      'ssh-denied',
      'Too many',
    ],
    [
      'No ED25519 host key is known for [10.1.2.3]:2222 and you have requested strict checking.\nHost key verification failed.',
      'ssh-host-key',
      'not in known_hosts',
    ],
    [
      '@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@\nHost key verification failed.',
      'ssh-host-key',
      'another host key',
    ],
  ])('tells what is wrong by what ssh says: %s', async (stderr, code, why) => {
    const error = await refusedLogin(stderr);
    expect(error.code).toBe(code);
    expect(error.why).toContain(why);
    expect(error.where).toBe('VM admin@10.1.2.3:2222');
    expect(error.next).toContain('ssh -p 2222 admin@10.1.2.3');
  });

  it('says which file of its configuration cannot be read', async () => {
    await expect(openSsh({ ...target, identityFile: '~/no-such-key' })).rejects.toMatchObject({
      code: 'bad-input',
      where: 'ssh identityFile of VM vm',
      why: expect.stringMatching(/^\/.*\/no-such-key cannot be read/),
    });
  });

  it('leaves nothing behind when it is refused', async () => {
    await refusedLogin('Permission denied (publickey).');
    expect(await readdir(folder)).toEqual([]);
  });

  it('cleans up after one that was killed, and leaves alone what may be in use', async () => {
    const longAgo = new Date(Date.now() - 3_600_000);
    const made = async (name: string, when: Date, file?: string) => {
      await mkdir(path.join(folder, name));
      if (file) await writeFile(path.join(folder, name, file), '');
      await utimes(path.join(folder, name), when, when);
    };
    await made('meshlift-ssh-killed', longAgo);
    await made('meshlift-ssh-inuse', longAgo, 's');
    await made('meshlift-ssh-new', new Date());
    await made('other', longAgo);
    await (await openSsh(target)).close();
    expect((await readdir(folder)).sort()).toEqual(['meshlift-ssh-inuse', 'meshlift-ssh-new', 'other']);
  });

  it('says that ssh is missing where there is none', async () => {
    vi.stubEnv('PATH', folder);
    await expect(openSsh(target)).rejects.toMatchObject({
      code: 'ssh-unreachable',
      why: 'there is no ssh command',
    });
  });

  it('says that sudo asks for a password', async () => {
    vi.stubEnv('FAKE_UID', '1000');
    vi.stubEnv('FAKE_SUDO_ASKS', '1');
    await expect(openSsh(target)).rejects.toMatchObject({ code: 'ssh-sudo' });
  });
});

describe('running a script', () => {
  it('goes through sudo where the login is not root', async () => {
    vi.stubEnv('FAKE_UID', '1000');
    vi.stubEnv('FAKE_SSH_LOG', path.join(folder, 'calls'));
    const ssh = await login();
    expect((await ssh.run('echo done')).stdout).toBe('done\n');
    expect(await readFile(path.join(folder, 'calls'), 'utf8')).toContain('sudo -n sh -c');
  });

  it('answers output and exit code, 255 as well', async () => {
    const ssh = await login();
    expect(await ssh.run(`echo "it's"; echo bad >&2; exit 255`)).toEqual({
      exitCode: 255,
      stdout: "it's\n",
      stderr: 'bad\n',
    });
  });

  it('hands standard input on, whatever it holds', async () => {
    const content = Buffer.from([0, 1, 255, 10, 39]);
    const { stdout } = await (await login()).run('od -An -tu1', { stdin: content });
    expect(stdout.trim().split(/\s+/)).toEqual(['0', '1', '255', '10', '39']);
  });

  it('does not mind a script that reads nothing of its input', async () => {
    const { exitCode } = await (await login()).run('exit 3', { stdin: 'x'.repeat(1_000_000) });
    expect(exitCode).toBe(3);
  });

  it('takes a connection that broke for a failure of ssh, not of the script', async () => {
    const ssh = await login();
    vi.stubEnv('FAKE_SSH_SAYS', 'client_loop: send disconnect: Broken pipe');
    await expect(ssh.run('true')).rejects.toMatchObject({ code: 'ssh-unreachable' });
  });

  it('stops waiting when the signal aborts', async () => {
    const ssh = await login();
    const reason = new Error('enough');
    const controller = new AbortController();
    const running = ssh.run('sleep 30', { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
  });
});

describe('writing files', () => {
  it('writes content, mode and missing folders', async () => {
    const file = path.join(folder, 'a b', "it's", 'token');
    await (await login()).write({ path: file, content: 'secret', mode: 0o600, owner: me });
    expect(await readFile(file, 'utf8')).toBe('secret');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(path.dirname(file))).toEqual(['token']);
  });

  it('never puts contents into an argument list', async () => {
    vi.stubEnv('FAKE_SSH_LOG', path.join(folder, 'calls'));
    await (await login()).write({
      path: path.join(folder, 'token'),
      content: 'hush-hush',
      mode: 0o600,
      owner: me,
    });
    expect(await readFile(path.join(folder, 'calls'), 'utf8')).not.toContain('hush-hush');
  });

  it('keeps the old file when the owner does not exist', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, 'old');
    const writing = (await login()).write({ path: file, content: 'new', mode: 0o644, owner: 'nobody-here' });
    await expect(writing).rejects.toMatchObject({ code: 'vm-command' });
    expect(await readFile(file, 'utf8')).toBe('old');
    expect((await readdir(folder)).filter((name) => name.startsWith('.meshlift'))).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('uploads a big file and tells how far it is', async () => {
    const local = path.join(folder, 'package');
    await writeFile(local, Buffer.alloc(3_000_000, 'x'));
    const told: number[] = [];
    await (await login()).upload(local, path.join(folder, 'there'), { progress: (sent) => told.push(sent) });
    expect((await readFile(path.join(folder, 'there'))).equals(await readFile(local))).toBe(true);
    expect(told.at(-1)).toBe(3_000_000);
    expect(told.length).toBeGreaterThan(2);
  });

  it('says so when the file to upload is not there', async () => {
    const ssh = await login();
    await expect(ssh.upload(path.join(folder, 'missing'), path.join(folder, 'there'))).rejects.toThrow(
      'ENOENT',
    );
  });
});
