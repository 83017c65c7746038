import { watch } from 'node:fs';
import { expect, test } from 'vitest';
import { LabError } from '../errors.ts';
import type { HostMachine } from './host-machine.ts';
import { thisMachine } from './host-machine.ts';
import { checkHost, type Wanted } from './host-requirements.ts';

const GIB = 1024 ** 3;

interface Facts {
  readonly platform?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly memoryGib?: number;
  readonly diskGib?: number;
  readonly inotify?: { readonly limit: number; readonly used: number };
  readonly refusal?: string;
}

/** A machine that a lab of two clusters just fits on, but for what the test takes away. */
function machine(facts: Facts): HostMachine {
  const files: Readonly<Record<string, string>> = {
    '/etc/subuid': 'root:1:1\nada:100000:65536\n',
    '/etc/subgid': 'ada:100000:65536\n',
    '/proc/meminfo': `MemTotal:  99999999 kB\nMemAvailable:   ${Math.floor((facts.memoryGib ?? 2.5) * 1024 ** 2)} kB\n`,
    '/proc/sys/fs/inotify/max_user_instances': `${facts.inotify?.limit ?? 128}\n`,
    ...facts.files,
  };
  return {
    platform: facts.platform ?? 'linux',
    read: async (path) => files[path] ?? null,
    isExecutable: async (path) => {
      const name = path.split('/').at(-1) ?? '';
      return path.startsWith('/usr/sbin/') && !(facts.without ?? []).includes(name);
    },
    inotifyInstances: () => facts.inotify?.used ?? 64,
    freeDiskBytes: async () => (facts.diskGib ?? 1) * GIB,
    refusalOfNamespaces: async () => facts.refusal ?? null,
  };
}

const root: Wanted = { clusters: 2, stateRoot: '/state', path: '/bin', ordinaryUser: null };
const ada: Wanted = { ...root, ordinaryUser: 'ada' };

test('a machine with just enough of everything is accepted, for root and for others', async () => {
  await checkHost(root, machine({}));
  await checkHost(ada, machine({}));
});

const lacks: readonly [string, Wanted, Facts, string][] = [
  ['another system', root, { platform: 'darwin' }, "needs Linux's namespaces, and this is darwin"],
  [
    'programs',
    root,
    { without: ['nft', 'unshare', 'nsenter'] },
    'needs unshare, nsenter, nft, which this machine lacks: apt-get install util-linux nftables',
  ],
  ['a program of users', ada, { without: ['newuidmap'] }, 'lacks: sudo apt-get install uidmap'],
  ['ids', ada, { files: { '/etc/subgid': 'adam:1:2' } }, 'ada has no ids of its own in /etc/subgid'],
  [
    'leave to make user namespaces',
    ada,
    { files: { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' } },
    'apparmor_restrict_unprivileged_userns is 1): run the lab as root, or as root write 0 to that file',
  ],
  [
    'leave to make namespaces',
    root,
    { refusal: 'unshare failed: Operation not permitted' },
    'refuses them (unshare failed: Operation not permitted): in a container, it takes one that is privileged',
  ],
  [
    'memory',
    root,
    { memoryGib: 2.4 },
    'needs 2.5 GiB of free memory and this machine has 2.4 GiB: end something, or',
  ],
  [
    'memory for four',
    { ...root, clusters: 4 },
    { memoryGib: 4 },
    '--clusters 4 needs 4.1 GiB of free memory',
  ],
  [
    'file watchers',
    root,
    { inotify: { limit: 128, used: 79 } },
    "needs 50 of the kernel's file watchers (inotify instances), and root has 49 left of 128: take another lab down, or sysctl fs.inotify.max_user_instances=1024",
  ],
  [
    'file watchers of a user',
    ada,
    { inotify: { limit: 128, used: 200 } },
    'ada has 0 left of 128: take another lab down, or as root sysctl',
  ],
  [
    'disk',
    root,
    { diskGib: 0.5 },
    'needs 1.0 GiB of disk and /state has 0.5 GiB: free some, or set XDG_STATE_HOME',
  ],
];

test.each(lacks)(
  'a machine without %s is refused in one sentence',
  async (_what, wanted, facts, sentence) => {
    const refusal = await checkHost(wanted, machine(facts)).catch((error: Error) => error);
    expect(refusal).toBeInstanceOf(LabError);
    expect((refusal as Error).message).toContain(sentence);
    expect((refusal as Error).message).not.toContain('\n');
  },
);

test('one cluster fits where two do not, and nobody is advised to ask for fewer', async () => {
  const one = { ...root, clusters: 1 };
  await checkHost(one, machine({ memoryGib: 2.4 }));
  await expect(checkHost(one, machine({ memoryGib: 1 }))).rejects.toThrow(/has 1\.0 GiB: end something$/);
});

test('on this machine the real answers are of the right kind', async () => {
  expect(await thisMachine.isExecutable(process.execPath)).toBe(true);
  expect(await thisMachine.isExecutable('/nowhere')).toBe(false);
  expect(await thisMachine.read('/nowhere')).toBeNull();
  expect(await thisMachine.freeDiskBytes('/')).toBeGreaterThan(0);
  const before = thisMachine.inotifyInstances();
  const watcher = watch(import.meta.dirname);
  expect(thisMachine.inotifyInstances()).toBeGreaterThan(before);
  watcher.close();
  const refusal = await thisMachine.refusalOfNamespaces(false);
  if (process.getuid?.() === 0) expect(refusal).toBeNull();
  else expect(refusal).toMatch(/Operation not permitted/);
});
