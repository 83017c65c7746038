import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ordinaryAccount } from './lab-account.ts';
import { bystander, deployment, pod, service } from './lab-manifests.ts';
import { type Host, host, leftOf, tracesOf } from './lab-traces.ts';
import { LabUnderTest, until } from './lab-under-test.ts';

const account = await ordinaryAccount(partsOfRoot);
const { refusal } = account;
if (refusal) await account.end();

/** The folder of the parts in this account's cache; they are made first if they are not there. */
async function partsOfRoot(): Promise<string> {
  const lab = await LabUnderTest.prepare('giver');
  try {
    return (await lab.mustMeshliftLab('parts', 'build')).stdout.trim();
  } finally {
    await lab.end();
  }
}

describe.skipIf(refusal)(`a lab of an ordinary user${refusal && ` (${refusal})`}`, () => {
  let lab: LabUnderTest;
  let before: Host;

  beforeAll(async () => {
    lab = await LabUnderTest.prepare('user', account.who);
    before = await host();
    await lab.up();
  });
  afterAll(async () => {
    await lab.end();
    await account.end();
  });

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
