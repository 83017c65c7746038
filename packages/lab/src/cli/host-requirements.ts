import { access, constants, readFile, statfs } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { LabError } from '../errors.ts';

/** What two clusters, the mesh and the VM need while they start. */
const LEAST_MEMORY_BYTES = 2.5 * 1024 ** 3;
/** Logs, etcd and the machines' own files; the parts are in the cache already. */
const LEAST_DISK_BYTES = 1024 ** 3;

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

/** Refuses, in one sentence with what to do, a machine that could not run a lab. */
export async function checkHost(options: {
  stateRoot: string;
  path: string;
  ordinaryUser: string | null;
}): Promise<void> {
  if (process.platform !== 'linux') {
    throw new LabError(
      `a lab needs Linux's namespaces, and this is ${process.platform}: run it in a Linux machine or VM`,
    );
  }
  await checkPrograms(options.path, options.ordinaryUser !== null);
  if (options.ordinaryUser) await checkUserNamespaces(options.ordinaryUser);
  await checkMemory();
  await checkDisk(options.stateRoot);
}

async function checkPrograms(path: string, ordinaryUser: boolean): Promise<void> {
  const wanted = { ...PROGRAMS, ...(ordinaryUser ? USER_NAMESPACE_PROGRAMS : {}) };
  // An ordinary user's PATH often lacks the folders where these are, and they are callable all the same.
  const folders = [...path.split(delimiter), '/usr/sbin', '/sbin'];
  const found = await Promise.all(Object.keys(wanted).map((program) => isIn(folders, program)));
  const missing = Object.keys(wanted).filter((_, i) => !found[i]);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => wanted[program]))].join(' ');
  throw new LabError(
    `the lab needs ${missing.join(', ')}, which this machine lacks: apt-get install ${packages}`,
  );
}

async function isIn(folders: readonly string[], program: string): Promise<boolean> {
  for (const folder of folders) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

async function checkUserNamespaces(user: string): Promise<void> {
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    const text = await readFile(file, 'utf8').catch(() => '');
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
    const value = (await readFile(file, 'utf8').catch(() => wanted)).trim();
    if (value !== wanted) {
      throw new LabError(
        `this machine forbids user namespaces to ordinary users (${file} is ${value}): run the lab as root, or as root write ${wanted} to that file`,
      );
    }
  }
}

async function checkMemory(): Promise<void> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * 1024;
  if (available < LEAST_MEMORY_BYTES) {
    throw new LabError(
      `a lab needs ${gib(LEAST_MEMORY_BYTES)} of free memory and this machine has ${gib(available)}: end something, or take --clusters 1 on a larger one`,
    );
  }
}

async function checkDisk(stateRoot: string): Promise<void> {
  const { bavail, bsize } = await statfs(stateRoot);
  if (bavail * bsize < LEAST_DISK_BYTES) {
    throw new LabError(
      `a lab needs ${gib(LEAST_DISK_BYTES)} of disk and ${stateRoot} has ${gib(bavail * bsize)}: free some, or set XDG_STATE_HOME to a folder on a larger disk`,
    );
  }
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
