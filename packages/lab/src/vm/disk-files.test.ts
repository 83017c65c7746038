import { describe, expect, it } from 'vitest';
import { type DiskEntry, type DiskInput, diskFiles } from './disk-files.ts';

const input: DiskInput = {
  hostname: 'vm2',
  address: '10.10.100.11',
  nameservers: ['10.121.0.10', '10.122.0.10'],
  searchDomains: ['svc.cluster.local'],
  machineId: '0123456789abcdef0123456789abcdef',
  hostKey: { privateKey: 'PRIVATE', publicKey: 'ssh-ed25519 HOST' },
  adminPublicKey: 'ssh-ed25519 USER',
  base: {
    passwd: 'root:x:0:0:root:/root:/bin/bash\n',
    shadow: 'root:*:1:0:99999:7:::\n',
    group: 'root:x:0:\nadm:x:4:\nsudo:x:27:someone\nadmx:x:99:\n',
    gshadow: 'root:*::\n',
  },
  skeleton: { '.bashrc': '# hello\n' },
};

function entry(path: string): DiskEntry {
  const found = diskFiles(input).find((candidate) => candidate.path === path);
  if (!found) throw new Error(`${path} is not on the disk`);
  return found;
}

function content(path: string): string {
  const found = entry(path);
  if (found.kind !== 'file') throw new Error(`${path} is no file`);
  return found.content;
}

describe('the disk of a new VM', () => {
  it('knows its own name and address', () => {
    expect(content('/etc/hostname')).toBe('vm2\n');
    expect(content('/etc/hosts')).toContain('\n10.10.100.11 vm2\n');
  });

  it('asks the given name servers', () => {
    expect(content('/etc/resolv.conf')).toBe(
      'search svc.cluster.local\nnameserver 10.121.0.10\nnameserver 10.122.0.10\n',
    );
  });

  it('keeps the accounts of the base and adds the administrator', () => {
    expect(content('/etc/passwd')).toBe(
      'root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000:Lab administrator:/home/admin:/bin/bash\n',
    );
    expect(content('/etc/group')).toBe(
      'root:x:0:\nadm:x:4:admin\nsudo:x:27:someone,admin\nadmx:x:99:\nadmin:x:1000:\n',
    );
  });

  it('gives the administrator no password that anyone could guess', () => {
    expect(content('/etc/shadow')).toMatch(/^admin:\*:/m);
    expect(content('/etc/ssh/sshd_config.d/10-lab.conf')).toContain('PasswordAuthentication no');
  });

  it('shows secrets to their owners only', () => {
    expect(entry('/etc/ssh/ssh_host_ed25519_key')).toMatchObject({ uid: 0, mode: 0o600 });
    expect(entry('/etc/shadow')).toMatchObject({ uid: 0, mode: 0o640 });
    expect(entry('/home/admin/.ssh')).toMatchObject({ uid: 1000, mode: 0o700 });
    expect(entry('/home/admin/.ssh/authorized_keys')).toMatchObject({ uid: 1000, mode: 0o600 });
  });

  it('has its folders before what they hold', () => {
    const paths = diskFiles(input).map(({ path }) => path);
    expect(paths.indexOf('/home/admin')).toBeLessThan(paths.indexOf('/home/admin/.ssh'));
    expect(paths.indexOf('/home/admin/.ssh')).toBeLessThan(paths.indexOf('/home/admin/.ssh/authorized_keys'));
  });

  it('starts sshd at boot', () => {
    expect(entry('/etc/systemd/system/multi-user.target.wants/ssh.service')).toMatchObject({
      kind: 'link',
      target: '/lib/systemd/system/ssh.service',
    });
  });
});
