import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRun, runCommand } from '../demo/src/command.ts';
import { bystander, deployment, pod, service } from './lab-manifests.ts';
import { type Host, host, leftOf, tracesOf } from './lab-traces.ts';
import { LabUnderTest, type Someone, until } from './lab-under-test.ts';

const iAmRoot = process.getuid?.() === 0;

/** An account that is allowed namespaces: this one, or, when that is root, one that has subordinate ids. */
async function ordinaryAccount(): Promise<{
  name: string;
  uid: number;
  gid: number;
  home: string;
} | null> {
  const { stdout } = await mustRun(['getent', 'passwd'], { signal: AbortSignal.timeout(10_000) });
  const accounts = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid, , home = '']) => ({ name, uid: Number(uid), gid: Number(gid), home }));
  const ids = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const found = accounts.find(({ name, uid }) =>
    iAmRoot
      ? uid !== 0 && ids.split('\n').some((line) => line.startsWith(`${name}:`))
      : uid === process.getuid?.(),
  );
  return found ?? null;
}

const found = await ordinaryAccount();
const refusal = await whyNot();
const account = found ?? { name: 'nobody', uid: 65_534, gid: 65_534, home: '/nonexistent' };
const asAccount = iAmRoot ? ['runuser', '-u', account.name, '--'] : [];

/** A machine need not have such an account, and a test must not make one on it; the title says so then. */
async function whyNot(): Promise<string> {
  if (!found) return 'no ordinary account has subordinate ids here: useradd -m somebody';
  const command = ['unshare', '--user', '--map-root-user', '--map-auto', '--net', '--mount', 'true'];
  const { exitCode, stderr } = await runCommand(
    [...(iAmRoot ? ['runuser', '-u', found.name, '--'] : []), ...command],
    { signal: AbortSignal.timeout(10_000) },
  );
  return exitCode === 0 ? '' : `the kernel refuses: ${stderr.trim()}`;
}

describe.skipIf(refusal)(`a lab of an ordinary user${refusal && ` (${refusal})`}`, () => {
  let lab: LabUnderTest;
  let home: string;
  let before: Host;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'meshlift-home-'));
    await chown(home, account.uid, account.gid);
    const env: Record<string, string> = {
      HOME: home,
      XDG_STATE_HOME: join(home, 'state'),
      // What takes minutes to make is kept where this account keeps such things.
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(account.home, '.cache'),
    };
    if (iAmRoot) env.XDG_CACHE_HOME = join(account.home, '.cache');
    const who: Someone = { before: asAccount, env };
    lab = await LabUnderTest.prepare('user', who);
    before = await host();
    if (iAmRoot) await giveParts();
    await lab.up();
  });
  afterAll(async () => {
    await lab.end();
    await rm(home, { recursive: true, force: true });
  });

  /** Carries the parts from root's cache to the account's, as one would to another machine. */
  async function giveParts(): Promise<void> {
    const there = JSON.parse((await lab.meshliftLab('parts', 'status', '-o', 'json')).stdout);
    if (there.current) return;
    const root = await LabUnderTest.prepare('giver');
    const file = join(root.folder, 'parts.tar.zst');
    const exported = await root.meshliftLab('parts', 'export', file);
    expect(exported.exitCode, exported.stderr).toBe(0);
    await chmod(root.folder, 0o755);
    const imported = await lab.meshliftLab('parts', 'import', file);
    expect(imported.exitCode, imported.stderr).toBe(0);
    await root.end();
  }

  it('none of its processes runs as root of this machine', async () => {
    const { processes } = await tracesOf(lab.status.stateDir, []);
    const owners = await lab.run('stat', '-c', '%u %n', ...processes.map(({ pid }) => `/proc/${pid}`));
    const uids = owners.stdout
      .trim()
      .split('\n')
      .map((line) => Number(line.split(' ')[0]));
    expect(uids.length).toBeGreaterThan(20);
    expect(uids).not.toContain(0);
    expect(new Set(uids).size).toBeGreaterThan(1);
  });

  it('a pod in cluster1 calls a Service of cluster2 over mutual TLS', async () => {
    const app = { env: [{ name: 'VERSION', value: 'far' }] };
    await Promise.all([
      lab.apply('cluster1', bystander('client'), service('far')),
      lab.apply('cluster2', deployment('far', 1, app), service('far')),
    ]);
    await lab.kubectl('cluster2', 'rollout', 'status', 'deployment/far', '--timeout=120s');
    await lab.kubectl('cluster1', 'wait', '--for=condition=Ready', '--timeout=120s', 'pod/client');
    const answer = await until('the other cluster answers', async () => {
      const { exitCode, stdout } = await lab.tryKubectl(
        'cluster1',
        ...['exec', 'client', '-c', 'client', '--', 'curl', '-sf', '--max-time', '3', 'http://far.default/'],
      );
      return exitCode === 0 ? JSON.parse(stdout) : null;
    });
    expect(answer.version).toBe('far');
    expect(answer.headers['x-forwarded-client-cert']).toContain(
      'URI=spiffe://cluster.local/ns/default/sa/default',
    );
  });

  it("a container runs as the user that its pod names, and its files are that group's", async () => {
    const securityContext = { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456 };
    const volumes = [{ name: 'data', emptyDir: {} }];
    const container = {
      image: 'debian',
      command: ['sleep', 'infinity'],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    };
    await lab.apply(
      'cluster1',
      pod('who', container, { namespace: 'kube-public', spec: { securityContext, volumes } }),
    );
    const who = ['pod/who', '-n', 'kube-public'];
    await lab.kubectl('cluster1', 'wait', '--for=condition=Ready', '--timeout=90s', ...who);
    const script = 'id -u; id -g; touch /data/file; stat -c %g /data/file';
    expect(await lab.kubectl('cluster1', 'exec', ...who, '--', 'sh', '-c', script)).toBe(
      '1234\n2345\n3456\n',
    );
    expect(await lab.kubectl('cluster1', 'logs', ...who)).toBe('');
  });

  it('the VM has sudo, takes the package, and comes back from a reboot', async () => {
    expect(await lab.onVm('sudo id -u')).toBe('0\n');
    await lab.toVm(lab.vm.sidecarPackage.path, 'istio-sidecar.deb');
    await lab.onVm('sudo dpkg -i istio-sidecar.deb && touch /tmp/gone');
    await lab.must('vm', 'reboot');
    expect(await lab.onVm('ls -A /tmp; id -nu istio-proxy')).toBe('istio-proxy\n');
  });

  it('down leaves nothing', async () => {
    const all = await tracesOf(lab.status.stateDir, lab.status.forwards);
    await lab.must('down');
    expect(await leftOf(all, before)).toEqual([]);
  });
});
