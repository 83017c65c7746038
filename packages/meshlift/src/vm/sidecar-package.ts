import type { Ssh } from '../effects/ssh/port.ts';
import { shellQuote } from '../effects/ssh/shell-quote.ts';
import { MeshliftError } from '../errors/error.ts';
import type { VmFacts } from './facts.ts';
import type { JoinProgress } from './join-progress.ts';
import { mustRun } from './must-run.ts';
import { sidecarPackageName, vmPaths } from './vm-paths.ts';

/** Where the sidecar's package comes from: a file of ours, an address, or Istio's own release of a version. */
export type SidecarPackage =
  | { readonly path: string; readonly sha256: string }
  | { readonly url: string; readonly sha256?: string }
  | { readonly istioVersion: string; readonly sha256?: string };

/** Where Istio publishes its releases. */
const releases = 'https://storage.googleapis.com/istio-release/releases';

/** The address of Istio's own package for this VM; `vm-command` where Istio makes none. */
export function releaseUrl(istioVersion: string, facts: VmFacts, target: string): string {
  const suffix = releaseSuffix(facts);
  if (facts.packages === null || suffix === null) {
    throw new MeshliftError('vm-command', {
      where: `VM ${target}`,
      why: `Istio makes no package for ${facts.distribution} on ${facts.architecture} (deb or rpm, x86_64 or aarch64)`,
      next: 'build one from tools/packaging of Istio, and name it as the sidecar package of the migration',
    });
  }
  return `${releases}/${istioVersion}/${facts.packages}/istio-sidecar${suffix}.${facts.packages}`;
}

const suffixes: Readonly<Record<string, string>> = {
  x86_64: '',
  amd64: '',
  aarch64: '-arm64',
  arm64: '-arm64',
};

/** How Istio names its packages for this VM's architecture; null where it makes none. */
export function releaseSuffix({ architecture }: Pick<VmFacts, 'architecture'>): string | null {
  return suffixes[architecture] ?? null;
}

/**
 * Installs the package unless the same one is installed. Answers what was changed, null for nothing. The package's
 * checksum is verified on the VM before anything of it runs.
 */
export async function installSidecarPackage(
  ssh: Ssh,
  wanted: SidecarPackage,
  facts: VmFacts,
  options: {
    readonly progress?: ((step: JoinProgress) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<string | null> {
  if (await isInstalled(ssh, wanted, facts, options.signal)) return null;
  if (facts.packages === null) releaseUrl('', facts, ssh.target); // throws: there is no way to install here
  const file = `${vmPaths.record}/${sidecarPackageName}.${facts.packages}`;
  if ('path' in wanted) {
    const message = `copy ${wanted.path} to the VM`;
    await ssh.upload(wanted.path, file, {
      progress: (sent, total) => options.progress?.({ message, upload: { sent, total } }),
      ...(options.signal && { signal: options.signal }),
    });
  } else {
    const url = urlOf(wanted, facts, ssh.target);
    options.progress?.({ message: `download ${url} on the VM` });
    await mustRun(ssh, `download ${url}`, downloadScript(url, file), options.signal);
  }
  const sha256 = wanted.sha256 ?? (await publishedSum(ssh, wanted, facts, options.signal));
  await verify(ssh, file, sha256, options.signal);
  await mustRun(
    ssh,
    `install ${sidecarPackageName}`,
    installScript(file, facts.packages ?? 'deb'),
    options.signal,
  );
  return `installed ${sidecarPackageName}${facts.sidecar.packageVersion ? ` over ${facts.sidecar.packageVersion}` : ''}`;
}

const installedSum = `${vmPaths.record}/package.sha256`;

async function isInstalled(
  ssh: Ssh,
  wanted: SidecarPackage,
  facts: VmFacts,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (facts.sidecar.packageVersion === null) return false;
  if (wanted.sha256 !== undefined) {
    const { stdout } = await ssh.run(`cat ${installedSum} 2>/dev/null`, signal ? { signal } : {});
    if (stdout.trim() === wanted.sha256) return true;
  }
  return 'istioVersion' in wanted && facts.sidecar.packageVersion.split('-')[0] === wanted.istioVersion;
}

function downloadScript(url: string, file: string): string {
  const [from, to] = [shellQuote(url), shellQuote(file)];
  return [
    'umask 077',
    'if command -v curl >/dev/null 2>&1; then',
    `  curl -fsSL --retry 3 --connect-timeout 10 -o ${to} ${from}`,
    'elif command -v wget >/dev/null 2>&1; then',
    `  wget -q --tries=3 --timeout=10 -O ${to} ${from}`,
    'else echo "neither curl nor wget is there" >&2; exit 1; fi',
  ].join('\n');
}

/**
 * The checksum that is published beside a package, as Istio does for each of its own (release-builder: NAME.sha256, as
 * sha256sum prints it). It comes from the same place as the package, so it finds what was damaged or mixed up on its
 * way; against a forged place there is only a checksum of the user's own.
 */
async function publishedSum(
  ssh: Ssh,
  wanted: SidecarPackage,
  facts: VmFacts,
  signal: AbortSignal | undefined,
): Promise<string> {
  const url = `${urlOf(wanted, facts, ssh.target)}.sha256`;
  const file = `${vmPaths.record}/${sidecarPackageName}.sha256`;
  const script = `set -e\n${downloadScript(url, file)}\ncat ${shellQuote(file)}; rm -f ${shellQuote(file)}`;
  const { exitCode, stdout, stderr } = await ssh.run(script, signal ? { signal } : {});
  const sum = /\b[0-9a-f]{64}\b/.exec(stdout)?.[0];
  if (exitCode === 0 && sum) return sum;
  throw new MeshliftError('vm-command', {
    where: `VM ${ssh.target}`,
    why: `the sidecar package can't be verified: ${url} ${exitCode === 0 ? 'holds no SHA-256' : `can't be read (${stderr.trim().split('\n').at(-1) || `exit code ${exitCode}`})`}`,
    next: 'get its checksum from where you trust, and name it: spec.vm.sidecar.sha256; nothing of it was installed',
  });
}

function urlOf(wanted: SidecarPackage, facts: VmFacts, target: string): string {
  if ('url' in wanted) return wanted.url;
  if ('istioVersion' in wanted) return releaseUrl(wanted.istioVersion, facts, target);
  throw new TypeError('a package file of ours has its checksum in the migration file');
}

async function verify(
  ssh: Ssh,
  file: string,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { stdout } = await mustRun(ssh, `read ${file}`, `sha256sum < ${shellQuote(file)}`, signal);
  const found = stdout.split(' ')[0] ?? '';
  if (found === sha256.toLowerCase()) return;
  await ssh.run(`rm -f ${shellQuote(file)}`);
  throw new MeshliftError('vm-command', {
    where: `VM ${ssh.target}`,
    why: `the sidecar package is not the one expected: its SHA-256 is ${found}, not ${sha256}`,
    next: 'get the package and its checksum from the same place again; nothing of it was installed',
  });
}

/**
 * dpkg and rpm install a file without resolving dependencies; where one is missing (iptables, sudo), the VM's own
 * package manager is asked to complete it. An update that runs by itself may hold their lock: waited for, up to two
 * minutes. Istio's unit is not started by its package.
 */
function installScript(file: string, format: 'deb' | 'rpm'): string {
  const path = shellQuote(file);
  const install =
    format === 'deb'
      ? `dpkg -i --force-confold ${path} || { apt-get -qq update && apt-get -y -qq -f install; }`
      : `rpm -U --replacepkgs ${path} || { command -v dnf >/dev/null && dnf -q -y install ${path} || yum -q -y install ${path}; }`;
  return `
umask 022
export DEBIAN_FRONTEND=noninteractive
waited=0
until said=$({ ${install}; } 2>&1); do
  case "$said" in *lock*) ;; *) waited=120 ;; esac
  [ $waited -lt 120 ] || { printf '%s\\n' "$said" >&2; exit 1; }
  sleep 1; waited=$((waited + 1))
done
sha256sum < ${path} | cut -d' ' -f1 > ${installedSum}
rm -f ${path}
systemctl daemon-reload`;
}
