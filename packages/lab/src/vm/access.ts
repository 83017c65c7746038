import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ADMIN } from './disk-files.ts';
import { hostKeyFolder, sshFolder } from './folders.ts';
import { ensureSshKey } from './keys.ts';

export interface SshAccessOptions {
  /** The VM's name; it becomes the host name to give to ssh. */
  readonly name: string;
  /** The VM's own folder, as in `VmOptions`. */
  readonly stateDir: string;
  /** The port of 127.0.0.1 on the host that leads to the VM's sshd. */
  readonly port: number;
}

export interface SshAccess {
  /** For `ssh -F`. */
  readonly config: string;
  readonly host: string;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHosts: string;
}

/**
 * Writes what `ssh -F <config> <host>` needs to reach a VM, and nothing else of the user's: no agent, no other keys,
 * no known hosts but this one. All files are readable by their owner only.
 */
export async function sshAccess({ name, stateDir, port }: SshAccessOptions): Promise<SshAccess> {
  const folder = sshFolder(stateDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const user = await ensureSshKey(folder, 'id_ed25519', `${ADMIN.name}@${name}`);
  const host = await ensureSshKey(hostKeyFolder(stateDir), 'ssh_host_ed25519_key', `root@${name}`);
  const knownHosts = path.join(folder, 'known_hosts');
  const config = path.join(folder, 'config');
  await writeFile(knownHosts, `${name} ${host.publicKey}\n`, { mode: 0o600 });
  await writeFile(config, sshConfig({ name, port, identityFile: user.file, knownHosts }), { mode: 0o600 });
  return { config, host: name, user: ADMIN.name, identityFile: user.file, knownHosts };
}

interface ConfigInput {
  readonly name: string;
  readonly port: number;
  readonly identityFile: string;
  readonly knownHosts: string;
}

/** The text of an ssh configuration file for one VM behind a forwarded port. */
export function sshConfig({ name, port, identityFile, knownHosts }: ConfigInput): string {
  return `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  User ${ADMIN.name}
  IdentityFile ${quoted(identityFile)}
  IdentitiesOnly yes
  IdentityAgent none
  HostKeyAlias ${name}
  UserKnownHostsFile ${quoted(knownHosts)}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  ForwardAgent no
  LogLevel ERROR
`;
}

/** ssh expands % in these values, and splits them at spaces outside of quotes. */
function quoted(file: string): string {
  return `"${file.replaceAll('%', '%%')}"`;
}
