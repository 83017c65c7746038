import { X509Certificate } from 'node:crypto';
import type { Clock } from '../effects/clock/port.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import { MeshliftError } from '../errors/error.ts';
import { connectionsIn, type Listener } from './sockets.ts';
import { sidecarPackageName, sidecarUnit, vmPaths } from './vm-paths.ts';

/** What we found on the VM, before anything was changed. */
export interface VmFacts {
  /** `debian`, `rocky`, …, as in /etc/os-release */
  readonly distribution: string;
  readonly distributionVersion: string;
  /** how packages are installed; null when it is neither */
  readonly packages: 'deb' | 'rpm' | null;
  /** `x86_64` or `aarch64`, as `uname -m` says */
  readonly architecture: string;
  readonly hasSystemd: boolean;
  /** the VM's clock minus ours, milliseconds, known to half a round trip */
  readonly clockSkewMs: number;
  /** free space where the sidecar goes */
  readonly freeBytes: number;
  /** in the order in which the sidecar would choose */
  readonly addresses: readonly string[];
  /** TCP ports that something listens on */
  readonly listeners: readonly Listener[];
  /** ports that Docker publishes with rules of its own */
  readonly dockerPorts: readonly number[];
  /** whether the kernel lets traffic be redirected, as the sidecar's rules do; null when there is no iptables to tell */
  readonly canRedirect: boolean | null;
  /** name servers that its programs ask, as in /etc/resolv.conf */
  readonly nameServers: readonly string[];
  readonly sidecar: {
    /** version of the installed package; null when there is none */
    readonly packageVersion: string | null;
    readonly unit: string;
    readonly enabled: boolean;
    /** of the certificate that the proxy holds, milliseconds since the epoch; null without one */
    readonly certificateExpiresAt: number | null;
    /** whom the certificate names, such as `spiffe://cluster.local/ns/default/sa/catalog`; null without one */
    readonly certificateIdentity: string | null;
  };
  /** whether Meshlift joined this VM before and has not left since */
  readonly joinedByMeshlift: boolean;
}

/** How the service can be reached on the VM. */
export interface ServiceReach {
  readonly listening: boolean;
  /** the sidecar cannot reach it: it hands requests on to the VM's own address */
  readonly loopbackOnly: boolean;
  /** Docker's rules may take connections before the sidecar's do, and callers would go past the mesh */
  readonly publishedByDocker: boolean;
}

export function serviceReach({ listeners, dockerPorts }: VmFacts, port: number): ServiceReach {
  const own = listeners.filter((listener) => listener.port === port);
  return {
    listening: own.length > 0,
    loopbackOnly: own.length > 0 && own.every(({ loopback }) => loopback),
    publishedByDocker: dockerPorts.includes(port),
  };
}

/**
 * One round trip. Sections are separated by lines that no command prints; each command may be missing on the VM, and
 * then says nothing.
 */
const factsScript = `
s() { printf '\\n=%s=\\n' "$1"; }
s os; cat /etc/os-release 2>/dev/null
s arch; uname -m
s tools; for t in systemctl dpkg rpm; do command -v $t >/dev/null 2>&1 && echo $t; done
s now; date +%s%N
s disk; df -Pk /usr/local/bin
s addresses; hostname -I 2>/dev/null || ip -o addr show scope global 2>/dev/null | sed 's/.*inet6\\{0,1\\} \\([^/]*\\).*/\\1/'
s tcp; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
s docker; { iptables-save -t nat; ip6tables-save -t nat; } 2>/dev/null | grep -- '-A DOCKER .*--dport'
s nat; if command -v iptables >/dev/null 2>&1; then iptables -w 5 -t nat -S >/dev/null 2>&1 && echo yes || echo no; fi
s resolver; grep ^nameserver /etc/resolv.conf 2>/dev/null
s deb; dpkg-query -W -f '\${db:Status-Status} \${Version}\\n' ${sidecarPackageName} 2>/dev/null
s rpm; rpm -q --qf 'installed %{VERSION}\\n' ${sidecarPackageName} 2>/dev/null | grep ^installed
s unit; systemctl is-active ${sidecarUnit} 2>/dev/null
s enabled; systemctl is-enabled ${sidecarUnit} 2>/dev/null
s pem; cat ${vmPaths.certChain} 2>/dev/null
s joined; [ -e ${vmPaths.record}/record ] && echo yes
:
`;

export async function readVmFacts(
  ssh: Ssh,
  options: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<VmFacts> {
  const started = options.clock.now();
  const { stdout, stderr, exitCode } = await ssh.run(
    factsScript,
    options.signal ? { signal: options.signal } : {},
  );
  const midway = (started + options.clock.now()) / 2;
  if (exitCode !== 0) {
    throw new MeshliftError('vm-command', {
      where: `VM ${ssh.target}`,
      why: `looking at it failed: ${stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`,
      next: `log in and check that a POSIX shell works as root: ssh ${ssh.target.replace(/:\d+$/, '')} sudo -n sh -c :`,
    });
  }
  return parseVmFacts(stdout, midway);
}

/** Reads what the script printed; `now` is our time at the moment when the VM told its own. */
export function parseVmFacts(printed: string, now: number): VmFacts {
  const sections = new Map(
    printed
      .split(/\n=(?=[a-z]+=\n)/)
      .map((section) => [
        section.slice(0, section.indexOf('=')),
        section.slice(section.indexOf('\n') + 1).trim(),
      ]),
  );
  const section = (name: string) => sections.get(name) ?? '';
  const lines = (name: string) => section(name).split('\n').filter(Boolean);
  const os = new Map(
    lines('os').map((line) => [line.split('=')[0], line.split('=')[1]?.replaceAll('"', '')]),
  );
  const tools = lines('tools');
  const [status, version] = (section('deb') || section('rpm')).split(' ');
  return {
    distribution: os.get('ID') ?? 'unknown',
    distributionVersion: os.get('VERSION_ID') ?? '',
    packages: tools.includes('dpkg') ? 'deb' : tools.includes('rpm') ? 'rpm' : null,
    architecture: section('arch'),
    hasSystemd: tools.includes('systemctl'),
    clockSkewMs: Math.round(clockOf(section('now')) - now),
    freeBytes: Number(lines('disk').at(-1)?.split(/\s+/)[3] ?? 0) * 1024,
    addresses: section('addresses').split(/\s+/).filter(Boolean),
    listeners: connectionsIn(lines('tcp')).listeners,
    dockerPorts: lines('docker')
      .flatMap((rule) => /--dport (\d+)/.exec(rule)?.[1] ?? [])
      .map(Number),
    canRedirect: section('nat') === '' ? null : section('nat') === 'yes',
    nameServers: lines('resolver').flatMap((line) => line.split(/\s+/)[1] ?? []),
    sidecar: {
      packageVersion: status === 'installed' && version ? version : null,
      unit: section('unit') || 'unknown',
      enabled: section('enabled') === 'enabled',
      ...certificateFacts(section('pem')),
    },
    joinedByMeshlift: section('joined') === 'yes',
  };
}

/** Nanoseconds, or seconds where `date` knows no `%N` and leaves it standing. */
function clockOf(printed: string): number {
  const digits = printed.replace(/\D/g, '');
  return digits.length > 12 ? Number(digits) / 1e6 : Number(digits) * 1000;
}

function certificateFacts(
  pem: string,
): Pick<VmFacts['sidecar'], 'certificateExpiresAt' | 'certificateIdentity'> {
  if (!pem.includes('BEGIN CERTIFICATE')) return { certificateExpiresAt: null, certificateIdentity: null };
  const certificate = new X509Certificate(pem);
  const identity = /URI:(spiffe:[^,\s]+)/.exec(certificate.subjectAltName ?? '')?.[1];
  return { certificateExpiresAt: certificate.validToDate.getTime(), certificateIdentity: identity ?? null };
}
