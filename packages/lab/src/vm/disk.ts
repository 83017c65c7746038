import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  lchown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { type DiskEntry, type DiskInput, diskFiles } from './disk-files.ts';
import { diskFolder, hostKeyFolder, sshFolder, upperFolder } from './folders.ts';
import { ensureSshKey } from './keys.ts';

export interface DiskOptions {
  readonly name: string;
  readonly address: string;
  readonly stateDir: string;
  readonly rootfs: string;
  readonly nameservers: readonly string[];
  readonly searchDomains: readonly string[];
}

/**
 * Makes a VM's disk if it has none yet. Must run as root of the lab, whose users its files get.
 * An interrupted call leaves nothing that counts as a disk.
 */
export async function ensureDisk(options: DiskOptions): Promise<void> {
  const upper = upperFolder(options.stateDir);
  if (existsSync(upper)) return;
  const unfinished = path.join(diskFolder(options.stateDir), 'unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  for (const entry of diskFiles(await gather(options))) await write(unfinished, options.rootfs, entry);
  await rename(unfinished, upper);
}

async function gather({
  name,
  address,
  stateDir,
  rootfs,
  nameservers,
  searchDomains,
}: DiskOptions): Promise<DiskInput> {
  const host = await ensureSshKey(hostKeyFolder(stateDir), 'ssh_host_ed25519_key', `root@${name}`);
  const user = await ensureSshKey(sshFolder(stateDir), 'id_ed25519', `admin@${name}`);
  const base = (file: string) => readFile(path.join(rootfs, file), 'utf8');
  const skeleton: Record<string, string> = {};
  for (const file of await readdir(path.join(rootfs, 'etc/skel')))
    skeleton[file] = await base(`etc/skel/${file}`);
  return {
    hostname: name,
    address,
    nameservers,
    searchDomains,
    machineId: randomBytes(16).toString('hex'),
    hostKey: { privateKey: await readFile(host.file, 'utf8'), publicKey: host.publicKey },
    adminPublicKey: user.publicKey,
    base: {
      passwd: await base('etc/passwd'),
      shadow: await base('etc/shadow'),
      group: await base('etc/group'),
      gshadow: await base('etc/gshadow'),
    },
    skeleton,
  };
}

async function write(root: string, lower: string, entry: DiskEntry): Promise<void> {
  const target = path.join(root, entry.path);
  await makeParents(root, lower, path.dirname(entry.path));
  if (entry.kind === 'link') await symlink(entry.target, target);
  else if (entry.kind === 'folder') await mkdir(target, { recursive: true });
  else await writeFile(target, entry.content, { flag: 'wx', mode: 0o600 });
  await lchown(target, entry.uid, entry.gid);
  if (entry.kind !== 'link') await chmod(target, entry.mode); // mkdir's and writeFile's modes are cut by the umask
}

/** A folder of the disk that the base has too takes its mode from there: the upper one is the one that counts. */
async function makeParents(root: string, lower: string, folder: string): Promise<void> {
  const target = path.join(root, folder);
  if (existsSync(target)) return;
  await makeParents(root, lower, path.dirname(folder));
  await mkdir(target);
  const original = await stat(path.join(lower, folder)).catch(() => null);
  await lchown(target, original?.uid ?? 0, original?.gid ?? 0);
  await chmod(target, original ? original.mode & 0o7777 : 0o755);
}
