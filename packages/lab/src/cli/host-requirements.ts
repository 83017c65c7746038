import { delimiter, join } from 'node:path';
import { LabError } from '../errors.ts';
import type { HostMachine } from './host-machine.ts';

const GIB = 1024 ** 3;
/** What the mesh, the VM and the lab's own processes need while they start, and what each cluster adds. */
const LEAST_MEMORY_BYTES = { lab: 0.9 * GIB, cluster: 0.8 * GIB };
/**
 * The kernel's file watchers that a cluster's own programs have, and a few to spare: root's, whose pods are other users,
 * or an ordinary user's, for whom the gateways' agents and istiod count as well.
 */
const INOTIFY_INSTANCES = { root: 25, ordinaryUser: 32 };
const INOTIFY_LIMIT = '/proc/sys/fs/inotify/max_user_instances';
/** Logs, etcd and the machines' own files; the parts are in the cache already. */
const LEAST_DISK_BYTES = GIB;

/** The host's programs that a lab runs, with the Debian packages that bring them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  nft: 'nftables',
  sysctl: 'procps',
};
const USER_NAMESPACE_PROGRAMS: Readonly<Record<string, string>> = { newuidmap: 'uidmap' };

export interface Wanted {
  readonly clusters: number;
  /** An existing folder on the disk that the lab will write to. */
  readonly stateRoot: string;
  /** Where programs are looked for, as in PATH. */
  readonly path: string;
  /** Who starts the lab; null for root. */
  readonly ordinaryUser: string | null;
}

/** Refuses, in one sentence with what to do, a machine that could not run a lab. */
export async function checkHost(wanted: Wanted, machine: HostMachine): Promise<void> {
  if (machine.platform !== 'linux') {
    throw new LabError(
      `a lab needs Linux's namespaces, and this is ${machine.platform}: run it in a Linux machine or VM`,
    );
  }
  await checkPrograms(wanted, machine);
  if (wanted.ordinaryUser) await checkUserNamespaces(wanted.ordinaryUser, machine);
  await checkNamespaces(wanted.ordinaryUser, machine);
  await checkMemory(wanted.clusters, machine);
  await checkInotify(wanted, machine);
  await checkDisk(wanted.stateRoot, machine);
}

async function checkPrograms({ path, ordinaryUser }: Wanted, machine: HostMachine): Promise<void> {
  const wanted = { ...PROGRAMS, ...(ordinaryUser === null ? {} : USER_NAMESPACE_PROGRAMS) };
  // An ordinary user's PATH often lacks the folders where these are, and they are callable all the same.
  const folders = [...path.split(delimiter), '/usr/sbin', '/sbin'];
  const isThere = async (program: string) => {
    for (const folder of folders) if (await machine.isExecutable(join(folder, program))) return true;
    return false;
  };
  const found = await Promise.all(Object.keys(wanted).map(isThere));
  const missing = Object.keys(wanted).filter((_, i) => !found[i]);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => wanted[program]))].join(' ');
  throw new LabError(
    `the lab needs ${missing.join(', ')}, which this machine lacks: ${ordinaryUser === null ? '' : 'sudo '}apt-get install ${packages}`,
  );
}

/** The usual reasons, each with its remedy; the kernel only says that it is not permitted. */
async function checkUserNamespaces(user: string, machine: HostMachine): Promise<void> {
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    const text = (await machine.read(file)) ?? '';
    if (!text.split('\n').some((line) => line.startsWith(`${user}:`))) {
      throw new LabError(
        `${user} has no ids of its own in ${file}, so it cannot have a lab: as root, usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
      );
    }
  }
  for (const [file, wanted] of [
    ['/proc/sys/kernel/unprivileged_userns_clone', '1'],
    ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '0'],
  ] as const) {
    const value = ((await machine.read(file)) ?? wanted).trim();
    if (value !== wanted) {
      throw new LabError(
        `this machine forbids user namespaces to ordinary users (${file} is ${value}): run the lab as root, or as root write ${wanted} to that file`,
      );
    }
  }
}

async function checkNamespaces(ordinaryUser: string | null, machine: HostMachine): Promise<void> {
  const refusal = await machine.refusalOfNamespaces(ordinaryUser !== null);
  if (refusal === null) return;
  const remedy =
    ordinaryUser === null
      ? 'in a container, it takes one that is privileged'
      : 'run the lab as root, or ask who runs this machine to allow user namespaces';
  throw new LabError(
    `a lab needs namespaces of its own, and this machine refuses them (${refusal}): ${remedy}`,
  );
}

async function checkMemory(clusters: number, machine: HostMachine): Promise<void> {
  const text = (await machine.read('/proc/meminfo')) ?? '';
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * 1024;
  const least = LEAST_MEMORY_BYTES.lab + clusters * LEAST_MEMORY_BYTES.cluster;
  if (available < least) {
    throw new LabError(
      `a lab with --clusters ${clusters} needs ${gib(least)} of free memory and this machine has ${gib(available)}: end something${clusters > 1 ? ', or ask for fewer clusters' : ''}`,
    );
  }
}

/** Without it the lab's programs would end with "too many open files", of which there are plenty. */
async function checkInotify({ clusters, ordinaryUser }: Wanted, machine: HostMachine): Promise<void> {
  const limit = Number((await machine.read(INOTIFY_LIMIT)) ?? Number.POSITIVE_INFINITY);
  const least = clusters * (ordinaryUser === null ? INOTIFY_INSTANCES.root : INOTIFY_INSTANCES.ordinaryUser);
  const free = Math.max(0, limit - machine.inotifyInstances());
  if (free < least) {
    throw new LabError(
      `a lab with --clusters ${clusters} needs ${least} of the kernel's file watchers (inotify instances), and ${ordinaryUser ?? 'root'} has ${free} left of ${limit}: take another lab down, or${ordinaryUser === null ? '' : ' as root'} sysctl fs.inotify.max_user_instances=1024`,
    );
  }
}

async function checkDisk(stateRoot: string, machine: HostMachine): Promise<void> {
  const free = await machine.freeDiskBytes(stateRoot);
  if (free < LEAST_DISK_BYTES) {
    throw new LabError(
      `a lab needs ${gib(LEAST_DISK_BYTES)} of disk and ${stateRoot} has ${gib(free)}: free some, or set XDG_STATE_HOME to a folder on a larger disk`,
    );
  }
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}
