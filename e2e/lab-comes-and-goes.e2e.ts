import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bystander } from './lab-manifests.ts';
import { aliveOf, type Host, host, leftOf, processOf, type Traces, tracesOf } from './lab-traces.ts';
import { LabUnderTest, until } from './lab-under-test.ts';

// One cluster and the VM: every kind of process, mount and interface that a lab has, in half the time.
const FLAGS = ['--clusters', '1'];

describe('the life of a lab', () => {
  let lab: LabUnderTest;
  let before: Host;

  beforeAll(async () => {
    lab = await LabUnderTest.prepare('life');
    before = await host();
    await lab.up(...FLAGS);
  });
  afterAll(() => lab.end());

  async function traces(): Promise<Traces> {
    const { stateDir, forwards } = await lab.readStatus();
    return tracesOf(stateDir, forwards);
  }

  /** The lab does what labs do: it runs a pod in the cluster and a command on the VM. */
  async function works(): Promise<void> {
    await lab.apply('cluster1', bystander('witness', { namespace: 'kube-public' }));
    const pod = ['pod/witness', '-n', 'kube-public'];
    await lab.kubectl('cluster1', 'wait', '--for=condition=Ready', '--timeout=90s', ...pod);
    expect(await lab.kubectl('cluster1', 'exec', ...pod, '--', 'hostname')).toBe('witness\n');
    expect(await lab.onVm('hostname')).toBe('vm\n');
  }

  it('a second up finds the lab that runs, and changes nothing', async () => {
    const warden = processOf(await traces(), 'warden-main.ts');
    const second = await lab.up(...FLAGS);
    expect(second.stderr).toContain(`lab ${lab.name} is running already`);
    expect(second.stderr).toContain(`export KUBECONFIG=${lab.status.kubeconfig}`);
    expect(processOf(await traces(), 'warden-main.ts')).toEqual(warden);

    const other = await lab.lab('up', '--clusters', '3');
    expect(other.exitCode).toBe(65);
    expect(other.stderr).toMatch(/is running with --clusters 1 and a VM: take it down first.*\n$/);
  });

  it('only its owner can read its keys, and its status leads to all of it', async () => {
    const { kubeconfig, stateDir, vm } = lab.status;
    const onVm = (...command: string[]) => lab.meshliftLab('ssh', '--name', lab.name, '--', ...command);
    const { stdout } = await lab.run('find', stateDir, '-type', 'f', '-name', '*.key', '-perm', '/077');
    expect(stdout).toBe('');
    const { stdout: modes } = await lab.run('stat', '-c', '%a', stateDir, kubeconfig);
    expect(modes).toBe('700\n600\n');
    expect((await lab.must('kubeconfig')).stdout).toBe(`${kubeconfig}\n`);
    expect((await onVm('hostname')).stdout).toBe(`${vm?.ssh.host}\n`);
    expect((await onVm('exit', '7')).exitCode).toBe(7);
    expect((await lab.must('logs')).stdout.trim().split('\n')).toEqual(
      lab.status.components.map(({ name }) => name),
    );
  });

  // What is wrong; the words; what ends in which code, and says what.
  const wrong: readonly [string, readonly string[], number, RegExp][] = [
    [
      'too many clusters',
      ['up', '--clusters', '9'],
      64,
      /'--clusters <number>' argument '9'.* 1 to 4 clusters/,
    ],
    ['an unknown flag', ['up', '--bogus'], 64, /unknown option '--bogus'/],
    ['an unknown command', ['frobnicate'], 64, /unknown command 'frobnicate'/],
    ['an unknown way to treat the VM', ['vm', 'explode'], 64, /unknown command 'explode'/],
    ['a name that is none', ['up', '--name', 'Not/One'], 64, /--name Not\/One: a lab's name is/],
    ['a delay without its unit', ['fault', 'delay', 'vm', '80', '--name', 'nobody'], 64, /such as 80ms/],
    ['an unknown format', ['status', '-o', 'yaml'], 64, /The only format is json/],
    [
      'a catalogue that is not there',
      ['up', '--images', '/nowhere.json'],
      65,
      /\/nowhere\.json: there is no such/,
    ],
    ['an unknown lab', ['status', '--name', 'nobody'], 65, /there is no lab nobody: start one with/],
    [
      'a kubeconfig of an unknown lab',
      ['kubeconfig', '--name', 'nobody'],
      65,
      /no running lab called nobody/,
    ],
  ];
  it.each(wrong)('%s: one sentence that says so', async (_what, words, code, sentence) => {
    const { exitCode, stdout, stderr } = await lab.meshliftLab(...words);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    const said = stderr.replace('(meshlift lab --help lists what there is)\n', '');
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  const unknown: readonly [string, readonly string[], RegExp][] = [
    ['machine', ['fault', 'cut', 'cluster9'], /no machine cluster9: it has cluster1, vm\n$/],
    ['component', ['logs', 'cluster1/nonsense'], /no component cluster1\/nonsense;/],
    [
      'workload',
      ['fault', 'kill', 'cluster1/nonsense'],
      /cluster1 has neither a component nor pods called nonsense/,
    ],
  ];
  it.each(unknown)('a %s that the running lab does not have is bad input', async (_what, words, sentence) => {
    const { exitCode, stderr } = await lab.lab(...words);
    expect(stderr).toMatch(sentence);
    expect(exitCode).toBe(65);
  });

  it('a catalogue that is not JSON is refused before anything starts', async () => {
    const file = join(lab.folder, 'broken.json');
    await writeFile(file, '{"images": ');
    const { exitCode, stderr } = await lab.meshliftLab('up', '--name', 'e2e-never', '--images', file);
    expect(exitCode).toBe(65);
    expect(stderr).toContain(`--images ${file}: it is not JSON`);
    expect((await lab.meshliftLab('status', '--name', 'e2e-never')).exitCode).toBe(65);
  });

  it('when its supervisor is killed the whole lab ends, and up brings a new one', async () => {
    await works();
    const first = await traces();
    // A lab with nothing to find would prove nothing.
    expect(first.processes.length).toBeGreaterThan(15);
    expect(first.namespaces.length).toBeGreaterThan(10);

    process.kill(processOf(first, 'supervisor/main.ts').pid, 'SIGKILL');
    await until(
      'all of it has ended',
      async () => ((await aliveOf(first)).length === 0 ? true : null),
      10_000,
    );
    const stopped = await lab.lab('status');
    expect(stopped.exitCode).toBe(1);
    expect(stopped.stdout).toContain(`lab ${lab.name} is stopped`);

    const again = await lab.up(...FLAGS);
    expect(again.stderr).toMatch(new RegExp(`lab ${lab.name} is up \\(`));
    await works();
  });

  it('when its warden is killed nothing goes on without it, and down clears away the rest', async () => {
    const all = await traces();
    process.kill(processOf(all, 'warden-main.ts').pid, 'SIGKILL');
    await until('all of it has ended', async () => ((await aliveOf(all)).length === 0 ? true : null), 10_000);
    expect((await lab.must('down')).stderr).toContain('was not running; what it had left is removed');
    expect(await leftOf(all, before)).toEqual([]);
  });

  it('after down no process, namespace, mount, interface, rule, port or file of it is left', async () => {
    await lab.up(...FLAGS);
    await works();
    const all = await traces();
    expect((await lab.must('down')).stderr).toMatch(/is down, and nothing of it is left \([\d.]+ s\)\n$/);
    expect(await leftOf(all, before)).toEqual([]);
    expect((await lab.must('down')).stderr).toBe(`there is no lab ${lab.name}: nothing to do\n`);
  });

  const moments: readonly [string, RegExp][] = [
    ['as soon as its folder is there', /^/],
    ['while the first parts start', /etcd ready/],
    ['while pods start', /kubelet ready/],
  ];
  it.each(moments)('Ctrl-C during up, %s, leaves nothing', async (_when, line) => {
    const { stateDir } = lab.status;
    let seen: Traces | null = null;
    const { exitCode, stdout, stderr } = await lab.interruptedUp(
      async (written) => {
        await until('that moment', async () => {
          const there = await access(stateDir).then(
            () => true,
            () => false,
          );
          return there && line.test(written()) ? true : null;
        });
        seen = await tracesOf(stateDir, []).catch(() => null);
      },
      ...FLAGS,
    );
    expect(stderr).toMatch(/interrupted: .*nothing.* left.*\n$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(await leftOf(seen ?? { stateDir, processes: [], namespaces: [], ports: [] }, before)).toEqual([]);
    await expect(tracesOf(stateDir, [])).rejects.toThrow('no warden');
  });
});
