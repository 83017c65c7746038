import type { VmFacts } from './facts.ts';
import { serviceReach } from './facts.ts';
import { releaseSuffix } from './sidecar-package.ts';

/** Something about a VM that would make joining fail, or what comes after it. */
export interface VmProblem {
  readonly id:
    | 'vm-systemd'
    | 'vm-package'
    | 'vm-clock'
    | 'vm-disk'
    | 'vm-address'
    | 'vm-service-listening'
    | 'vm-service-loopback'
    | 'vm-docker-published'
    | 'vm-redirects'
    | 'vm-resolver'
    | 'vm-other-mesh'
    | 'vm-certificate';
  /** `fatal`: it would not work; `warning`: it works, but the user should know */
  readonly severity: 'fatal' | 'warning';
  readonly why: string;
  readonly next: string;
}

export interface VmWanted {
  /** the address under which the clusters reach the VM */
  readonly address: string;
  readonly servicePort: number;
  /** milliseconds since the epoch */
  readonly now: number;
  /** whether the sidecar's package is Istio's own release, rather than one that the user names */
  readonly istioRelease: boolean;
}

/** Certificates are valid from the minute they are made: a clock that is further behind takes them for invalid. */
const greatestSkewMs = 60_000;
/** the sidecar's two programs, their logs, and room to unpack them */
const neededBytes = 600 * 1024 * 1024;

/** All that stands between this VM and the mesh, at once. */
export function vmProblems(facts: VmFacts, wanted: VmWanted): readonly VmProblem[] {
  return [
    ...platformProblems(facts, wanted),
    ...networkProblems(facts),
    ...clockAndDiskProblems(facts),
    ...addressProblems(facts, wanted.address),
    ...serviceProblems(facts, wanted.servicePort),
    ...meshProblems(facts),
    ...certificateProblems(facts, wanted.now),
  ];
}

function platformProblems(facts: VmFacts, { istioRelease }: VmWanted): VmProblem[] {
  const problems: VmProblem[] = [];
  if (!facts.hasSystemd) {
    problems.push({
      id: 'vm-systemd',
      severity: 'fatal',
      why: `${facts.distribution} on this VM has no systemd, which starts and keeps the sidecar`,
      next: 'use a VM with systemd; without it the sidecar would not come back after a reboot',
    });
  }
  if (facts.packages === null) {
    problems.push({
      id: 'vm-package',
      severity: 'fatal',
      why: `${facts.distribution} on this VM has neither dpkg nor rpm, and Istio's sidecar comes as one of these`,
      next: 'use a distribution of the Debian or the Red Hat family',
    });
  } else if (istioRelease && releaseSuffix(facts) === null) {
    problems.push({
      id: 'vm-package',
      severity: 'fatal',
      why: `this VM is ${facts.architecture}, and Istio releases its sidecar for x86_64 and aarch64`,
      next: 'build a package for it, and name it: spec.vm.sidecar.package and spec.vm.sidecar.sha256',
    });
  }
  return problems;
}

function networkProblems({ canRedirect, nameServers }: VmFacts): VmProblem[] {
  const problems: VmProblem[] = [];
  if (canRedirect === false) {
    problems.push({
      id: 'vm-redirects',
      severity: 'fatal',
      why: 'its iptables cannot read the nat table, with which the sidecar takes the service’s traffic',
      next: 'see what it says: sudo iptables -t nat -S; load the kernel’s modules (nf_nat, xt_REDIRECT), or use a kernel that has them',
    });
  }
  if (nameServers.length === 0) {
    problems.push({
      id: 'vm-resolver',
      severity: 'warning',
      why: '/etc/resolv.conf names no name server; once joined, the sidecar answers the mesh’s names and asks those servers for all others',
      next: 'name one, or make sure that the service looks up no names: cat /etc/resolv.conf',
    });
  }
  return problems;
}

function meshProblems({
  joinedByMeshlift,
  sidecar: { certificateIdentity, packageVersion, unit },
}: VmFacts): VmProblem[] {
  if (joinedByMeshlift || packageVersion === null || unit !== 'active') return [];
  return [
    {
      id: 'vm-other-mesh',
      severity: 'warning',
      why: `a sidecar that Meshlift did not install (${packageVersion}) runs on it already${certificateIdentity ? `, as ${certificateIdentity}` : ''}; joining takes it over, and leaving gives it back`,
      next: 'make sure that nobody needs it as it is: sudo systemctl status istio; cat /var/lib/istio/envoy/cluster.env',
    },
  ];
}

function clockAndDiskProblems({ clockSkewMs, freeBytes, sidecar }: VmFacts): VmProblem[] {
  const problems: VmProblem[] = [];
  if (Math.abs(clockSkewMs) > greatestSkewMs) {
    const seconds = Math.round(Math.abs(clockSkewMs) / 1000);
    problems.push({
      id: 'vm-clock',
      severity: 'fatal',
      why: `its clock is ${seconds} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} this machine's, and mutual TLS trusts certificates by the clock`,
      next: 'set it by NTP: sudo timedatectl set-ntp true; timedatectl status',
    });
  }
  if (sidecar.packageVersion === null && freeBytes < neededBytes) {
    problems.push({
      id: 'vm-disk',
      severity: 'fatal',
      why: `only ${Math.round(freeBytes / 1024 / 1024)} MiB are free under /usr/local, and the sidecar takes ${neededBytes / 1024 / 1024} MiB`,
      next: 'make room there: df -h /usr/local /var',
    });
  }
  return problems;
}

function addressProblems({ addresses }: VmFacts, wanted: string): VmProblem[] {
  if (addresses.length === 0 || addresses.includes(wanted)) return [];
  return [
    {
      id: 'vm-address',
      severity: 'warning',
      why: `none of its network interfaces has the address ${wanted} (they have ${addresses.join(', ')}); callers reach it only if that address is translated to one of them`,
      next: 'name the address by which the pods of every member cluster reach the VM: spec.vm.host',
    },
  ];
}

function serviceProblems(facts: VmFacts, port: number): VmProblem[] {
  const { listening, loopbackOnly, publishedByDocker } = serviceReach(facts, port);
  if (!listening && !publishedByDocker) {
    return [
      {
        id: 'vm-service-listening',
        severity: 'fatal',
        why: `nothing listens on port ${port} of the VM`,
        next: `start the service there, and check: sudo ss -ltnp 'sport = :${port}'`,
      },
    ];
  }
  const problems: VmProblem[] = [];
  if (loopbackOnly) {
    problems.push({
      id: 'vm-service-loopback',
      severity: 'fatal',
      why: `the service listens on the loopback only, and the sidecar hands requests on to the VM's own address`,
      next: `let it listen on 0.0.0.0:${port} (only the sidecar's traffic rules let others in)`,
    });
  }
  if (publishedByDocker) {
    problems.push({
      id: 'vm-docker-published',
      severity: 'fatal',
      why: `Docker publishes port ${port} with traffic rules of its own, which take connections before the sidecar's do: callers would go past the mesh, without mutual TLS and uncounted`,
      next: `run the container with --network host instead of --publish ${port}`,
    });
  }
  return problems;
}

function certificateProblems({ sidecar: { certificateExpiresAt, unit } }: VmFacts, now: number): VmProblem[] {
  if (certificateExpiresAt === null || certificateExpiresAt > now) return [];
  return [
    {
      id: 'vm-certificate',
      severity: 'warning',
      why: `its certificate expired at ${new Date(certificateExpiresAt).toISOString()} (the sidecar is ${unit}); it cannot renew an expired one`,
      next: 'join it again, which gives it a new token: meshlift vm join',
    },
  ];
}
