/** The user that people and programs log in as. */
export const ADMIN = { name: 'admin', uid: 1000, gid: 1000, home: '/home/admin' } as const;

/** A file, folder or link of a new VM's disk. */
export type DiskEntry = {
  /** Absolute, in the VM. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
} & (
  | { readonly kind: 'file'; readonly mode: number; readonly content: string }
  | { readonly kind: 'folder'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
);

/** The files of the base system that a new VM adds lines to. */
export interface BaseAccounts {
  readonly passwd: string;
  readonly shadow: string;
  readonly group: string;
  readonly gshadow: string;
}

export interface DiskInput {
  readonly hostname: string;
  readonly address: string;
  readonly nameservers: readonly string[];
  readonly searchDomains: readonly string[];
  /** 32 hexadecimal digits, different for every machine. */
  readonly machineId: string;
  readonly hostKey: { readonly privateKey: string; readonly publicKey: string };
  readonly adminPublicKey: string;
  readonly base: BaseAccounts;
  /** What /etc/skel holds, by name. */
  readonly skeleton: Readonly<Record<string, string>>;
}

/** What a new VM's disk has over the base system: who it is, how it is reached, who may do what. */
export function diskFiles(input: DiskInput): DiskEntry[] {
  return [
    rootFile('/etc/hostname', `${input.hostname}\n`),
    rootFile('/etc/hosts', hosts(input)),
    rootFile('/etc/resolv.conf', resolvConf(input)),
    rootFile('/etc/default/locale', 'LANG=C.UTF-8\n'),
    rootFile('/etc/machine-id', `${input.machineId}\n`, 0o444),
    ...accounts(input.base),
    rootFile(`/etc/sudoers.d/90-${ADMIN.name}`, `${ADMIN.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440),
    ...home(input),
    rootFile('/etc/ssh/sshd_config.d/10-lab.conf', SSHD_CONFIG, 0o600),
    rootFile('/etc/ssh/ssh_host_ed25519_key', input.hostKey.privateKey, 0o600),
    rootFile('/etc/ssh/ssh_host_ed25519_key.pub', `${input.hostKey.publicKey} root@${input.hostname}\n`),
    // What Debian's sshd package enables; the base has nothing enabled.
    rootLink('/etc/systemd/system/multi-user.target.wants/ssh.service', '/lib/systemd/system/ssh.service'),
    rootLink('/etc/systemd/system/sshd.service', '/lib/systemd/system/ssh.service'),
  ];
}

const SSHD_CONFIG = `# Written when the machine was made.
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin no
UseDNS no
PrintLastLog no
# Migrations, dashboards and people come at the same time.
MaxStartups 100:30:200
MaxSessions 100
`;

function rootFile(path: string, content: string, mode = 0o644): DiskEntry {
  return { kind: 'file', path, uid: 0, gid: 0, mode, content };
}

function rootLink(path: string, target: string): DiskEntry {
  return { kind: 'link', path, uid: 0, gid: 0, target };
}

function hosts({ hostname, address }: DiskInput): string {
  return `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${address} ${hostname}\n`;
}

function resolvConf({ nameservers, searchDomains }: DiskInput): string {
  const search = searchDomains.length > 0 ? [`search ${searchDomains.join(' ')}`] : [];
  return [...search, ...nameservers.map((server) => `nameserver ${server}`), ''].join('\n');
}

function accounts(base: BaseAccounts): DiskEntry[] {
  const { name, uid, gid, home: folder } = ADMIN;
  const add = (text: string, line: string) => `${text.trimEnd()}\n${line}\n`;
  // adm may read the journal, sudo is there for programs that ask for it by name.
  const joined = base.group
    .trimEnd()
    .split('\n')
    .map((line) => (/^(adm|sudo):/.test(line) ? line + (line.endsWith(':') ? '' : ',') + name : line))
    .join('\n');
  return [
    rootFile(
      '/etc/passwd',
      add(base.passwd, `${name}:x:${uid}:${gid}:Lab administrator:${folder}:/bin/bash`),
    ),
    {
      ...rootFile('/etc/shadow', add(base.shadow, `${name}:*:19000:0:99999:7:::`), 0o640),
      gid: SHADOW_GROUP,
    },
    rootFile('/etc/group', add(joined, `${name}:x:${gid}:`)),
    { ...rootFile('/etc/gshadow', add(base.gshadow, `${name}:!::`), 0o640), gid: SHADOW_GROUP },
  ];
}

/** Debian's, the same on every machine. */
const SHADOW_GROUP = 42;

function home({ adminPublicKey, skeleton }: DiskInput): DiskEntry[] {
  const { uid, gid, home: folder, name } = ADMIN;
  return [
    { kind: 'folder', path: folder, uid, gid, mode: 0o755 },
    { kind: 'folder', path: `${folder}/.ssh`, uid, gid, mode: 0o700 },
    {
      kind: 'file',
      path: `${folder}/.ssh/authorized_keys`,
      uid,
      gid,
      mode: 0o600,
      content: `${adminPublicKey} ${name}\n`,
    },
    ...Object.entries(skeleton).map(
      ([file, content]): DiskEntry => ({
        kind: 'file',
        path: `${folder}/${file}`,
        uid,
        gid,
        mode: 0o644,
        content,
      }),
    ),
  ];
}
