import type { ErrorCode } from '../../errors/codes.ts';
import { MeshliftError } from '../../errors/error.ts';

/** Where we tried to log in, for messages. */
export interface Login {
  /** `user@host:port` */
  readonly target: string;
  readonly host: string;
  readonly port: number;
}

interface Failure {
  readonly code: ErrorCode;
  /** in what OpenSSH writes to stderr */
  readonly sign: RegExp;
  readonly why: (line: string) => string;
  readonly next: (login: Login) => string;
}

/** OpenSSH ends every failure of its own with 255: only its words tell them apart. First match wins. */
const failures: readonly Failure[] = [
  {
    code: 'ssh-host-key',
    sign: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    why: () =>
      'it shows another host key than the one in known_hosts: the VM was made anew, or someone is in between',
    next: (login) =>
      `compare its fingerprint on the VM's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); if it is the right VM: ssh-keygen -R '${knownName(login)}', then log in once by hand: ${byHand(login)}`,
  },
  {
    code: 'ssh-host-key',
    sign: /host key is known|Host key verification failed/i,
    why: () => 'its host key is not in known_hosts, so it could be any machine',
    next: (login) =>
      `log in once by hand and compare the fingerprint that it shows with the VM's console: ${byHand(login)}`,
  },
  {
    code: 'ssh-denied',
    sign: /Permission denied|Too many authentication failures|no mutual signature|UNPROTECTED PRIVATE KEY|Load key .*(denied|invalid|error)/i,
    why: (line) => `it accepts none of the keys offered (${line})`,
    next: (login) => `name the right user and key in spec.vm.ssh, and try: ${byHand(login)}`,
  },
];

const unreachable: Omit<Failure, 'sign'> = {
  code: 'ssh-unreachable',
  why: (line) => line || 'ssh ended without saying why',
  next: (login) =>
    `check that the VM is up and that this machine may reach port ${login.port}: ${byHand(login)}`,
};

/** The error for an ssh that could not log in, or lost its connection. */
export function loginFailure(login: Login, stderr: string, cause?: unknown): MeshliftError {
  const failure = failures.find(({ sign }) => sign.test(stderr)) ?? unreachable;
  return new MeshliftError(failure.code, {
    where: `VM ${login.target}`,
    why: failure.why(tellingLine(stderr)),
    next: failure.next(login),
    cause,
  });
}

export function sudoFailure(login: Login, stderr: string): MeshliftError {
  return new MeshliftError('ssh-sudo', {
    where: `VM ${login.target}`,
    why: `the login user is not root and may not become root without a password (${tellingLine(stderr) || 'sudo -n failed'})`,
    next: `allow it for the time of the migration, in /etc/sudoers.d/meshlift on the VM: ${login.target.split('@')[0]} ALL=(ALL) NOPASSWD: ALL`,
  });
}

/** The last line that says something; warnings come first and reasons last. */
function tellingLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('@')).at(-1) ?? '';
}

function byHand({ target, port }: Login): string {
  return `ssh ${port === 22 ? '' : `-p ${port} `}${target.replace(/:\d+$/, '')}`;
}

function knownName({ host, port }: Login): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
