import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { withLock } from '../parts/lock.ts';
import { build } from './build.ts';
import { removeOwnedByTheLab } from './ownership.ts';

/** The Debian release that VMs and containers of the lab have as their base. */
export const SUITE = 'bookworm';

/**
 * What the base has beyond Debian's minimal system: what VMs need (sshd, sudo, packet filter), what containers need
 * (a Redis server, the packet filter for Istio's init container), and what people reach for when they look around.
 */
export const PACKAGES: readonly string[] = [
  'ca-certificates',
  'curl',
  'iproute2',
  'iptables',
  'less',
  'nftables',
  'openssh-server',
  'procps',
  'redis-server',
  'sudo',
];

/** Counts changes to how the tree is made that don't show in its package list. */
const RECIPE = 1;

export interface RootfsOptions {
  /** Meshlift's cache folder, as in `$XDG_CACHE_HOME/meshlift`. */
  readonly cacheDir: string;
  /** Told what is being done, a line at a time, at least every few seconds. */
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Gives the folder of a clean Debian tree, made on first use (about 30 s, 170 MB) and kept. Nothing may write to it:
 * it is the lower layer of every VM's and container's root. To be called on the host, outside of any sandbox: it needs
 * the network.
 *
 * Its files belong to root as seen from inside the lab: for an ordinary user to the user and its subordinate ids,
 * as `unshare --map-root-user --map-auto` maps them.
 * Two callers at once make it once; an interrupted one leaves nothing that the next would mistake for a tree.
 *
 * @throws PartsError if a tool is missing (with the command that installs it) or the tree can't be made;
 *   the signal's reason if it aborts.
 */
export async function ensureRootfs({ cacheDir, progress, signal }: RootfsOptions): Promise<string> {
  const found = await findRootfs(cacheDir);
  if (found) return found;
  const folder = path.join(cacheDir, 'rootfs');
  const tree = path.join(folder, await treeName());
  await mkdir(folder, { recursive: true });
  const waiting = () => progress('root file system: another process is making it; waiting for it');
  return withLock(path.join(folder, 'lock'), signal, waiting, async () => {
    if (await isComplete(tree)) return tree;
    await removeUnfinished(folder);
    const unfinished = path.join(folder, `${UNFINISHED}${randomBytes(4).toString('hex')}`);
    await mkdir(unfinished);
    try {
      const made = path.join(unfinished, 'tree');
      await build({ folder: unfinished, tree: made, suite: SUITE, packages: PACKAGES, progress, signal });
      await rename(made, tree);
    } finally {
      await removeUnfinished(folder);
    }
    return tree;
  });
}

/** The folder that `ensureRootfs` would give without making anything, or null if it would have to make it. */
export async function findRootfs(cacheDir: string): Promise<string | null> {
  const tree = path.join(cacheDir, 'rootfs', await treeName());
  return (await isComplete(tree)) ? tree : null;
}

const UNFINISHED = 'unfinished-';

/** A tree gets its name only once it is whole. */
async function isComplete(tree: string): Promise<boolean> {
  return access(tree).then(
    () => true,
    () => false,
  );
}

/** Whoever holds the lock may take away what an earlier holder was kept from finishing. */
async function removeUnfinished(folder: string): Promise<void> {
  const entries = await readdir(folder);
  const unfinished = entries.filter((entry) => entry.startsWith(UNFINISHED));
  await removeOwnedByTheLab(...unfinished.map((entry) => path.join(folder, entry)));
}

/** Names the tree by all that it depends on: what it is made of, and whose ids its files have. */
async function treeName(): Promise<string> {
  const { uid, username } = userInfo();
  const owners = uid === 0 ? 'root' : [uid, ...(await subordinateIds(username, uid))];
  const recipe = JSON.stringify([RECIPE, SUITE, PACKAGES, owners]);
  return `${SUITE}-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`;
}

async function subordinateIds(username: string, uid: number): Promise<string[]> {
  const lines: string[] = [];
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const own = text
      .split('\n')
      .filter((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
    lines.push(...own);
  }
  return lines;
}
