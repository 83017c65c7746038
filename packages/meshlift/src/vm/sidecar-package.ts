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
    const url = 'url' in wanted ? wanted.url : releaseUrl(wanted.istioVersion, facts, ssh.target);
    options.progress?.({ message: `download ${url} on the VM` });
    await mustRun(ssh, `download ${url}`, downloadScript(url, file), options.signal);
  }
  if (wanted.sha256 !== undefined) await verify(ssh, file, wanted.sha256, options.signal);
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
