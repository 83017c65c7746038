import { createHash } from 'node:crypto';
import type { Clock } from '../effects/clock/port.ts';
import { until } from '../effects/clock/until.ts';
import type { RemoteFile, Ssh } from '../effects/ssh/port.ts';
import { shellQuote } from '../effects/ssh/shell-quote.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import type { Bootstrap } from './bootstrap-files.ts';
import { readVmFacts, type VmFacts } from './facts.ts';
import { withHostsBlock } from './hosts-block.ts';
import type { JoinProgress } from './join-progress.ts';
import { mustRun } from './must-run.ts';
import { forgetTracking, trackOpenConnections } from './open-connections.ts';
import { recordScript } from './record.ts';
import { installSidecarPackage, type SidecarPackage } from './sidecar-package.ts';
import { sidecarUnit, sidecarUser, vmPaths } from './vm-paths.ts';

export interface JoinRequest {
  readonly bootstrap: Bootstrap;
  readonly sidecarPackage: SidecarPackage;
  readonly clock: Clock;
  /** how long the proxy may take to become ready, milliseconds; 60000 unless given */
  readonly readyTimeoutMs?: number;
  readonly progress?: (step: JoinProgress) => void;
  readonly signal?: AbortSignal;
}

export interface JoinReport {
  /** one line for each thing changed; empty when the VM was as it should be */
  readonly changed: readonly string[];
  /** what was found before */
  readonly facts: VmFacts;
  /** the version of the sidecar's package that is installed now */
  readonly packageVersion: string;
}

/** A certificate that ends sooner than this may be too old before the proxy has renewed it. */
const renewalMarginMs = 10 * 60_000;

/**
 * Makes the VM's sidecar a member of the mesh, and waits until it is ready. Idempotent: what is as it should be stays
 * as it is, and the proxy is restarted only when something changed. The former state is recorded on the VM first, for
 * leaveVm. Nothing is undone on failure: repeating goes on where it broke off.
 */
export async function joinVm(ssh: Ssh, request: JoinRequest): Promise<JoinReport> {
  const { bootstrap, clock, progress, signal } = request;
  const facts = await readVmFacts(ssh, { clock, signal });
  refuseWithoutSystemd(ssh, facts);
  await mustRun(ssh, 'record what is there', recordScript, signal);

  const installed = await installSidecarPackage(ssh, request.sidecarPackage, facts, { progress, signal });
  progress?.({ message: "write the sidecar's configuration" });
  await mustRun(ssh, "make the sidecar's folders", foldersScript, signal);
  const written = await writeChanged(ssh, bootstrap.files, signal);
  const rootCert = await writeRootCert(ssh, bootstrap.rootCert, signal);
  const hosts = await writeHosts(ssh, bootstrap.hostsLine, signal);
  const token = await giveTokenIfNeeded(ssh, request, { facts, newRoot: rootCert.length > 0 });
  const changed = [...(installed ? [installed] : []), ...written, ...rootCert, ...hosts, ...token];

  progress?.({ message: 'start the sidecar' });
  await mustRun(ssh, 'have connections tracked', trackOpenConnections, signal);
  changed.push(...(await startSidecar(ssh, changed.length > 0, signal)));
  await untilReady(ssh, request);
  await mustRun(ssh, 'clean up', forgetTracking, signal);
  const { sidecar } = await readVmFacts(ssh, { clock, signal });
  return { changed, facts, packageVersion: sidecar.packageVersion ?? 'unknown' };
}

function refuseWithoutSystemd(ssh: Ssh, facts: VmFacts): void {
  if (facts.hasSystemd) return;
  throw new MeshliftError('vm-command', {
    where: `VM ${ssh.target}`,
    why: 'it has no systemd, which starts and keeps the sidecar',
    next: 'use a VM with systemd; without it the sidecar would not come back after a reboot',
  });
}

/** The proxy writes its certificates to /etc/certs, and its sockets and token folder under /var/run/secrets. */
const foldersScript = `
set -eu
umask 022
for d in /etc/certs /etc/istio/proxy /etc/istio/config /var/run/secrets; do
  [ -d "$d" ] || install -d -o ${sidecarUser} -g ${sidecarUser} -m 0755 "$d"
done
chown ${sidecarUser}:${sidecarUser} /etc/certs /var/run/secrets
install -d -o ${sidecarUser} -g ${sidecarUser} -m 0700 ${vmPaths.token.replace(/\/[^/]*$/, '')}
`;

/** Writes the files that differ in content, owner or mode. */
async function writeChanged(
  ssh: Ssh,
  files: readonly RemoteFile[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const looks = files.map(
    ({ path }) =>
      `{ sha256sum < ${shellQuote(path)} && stat -c '%a %U:%G' ${shellQuote(path)}; } 2>/dev/null | tr '\\n' ' '; echo`,
  );
  const { stdout } = await mustRun(ssh, 'compare its files', looks.join('\n'), signal);
  const found = stdout.split('\n');
  const different = files.filter((file, i) => found[i]?.trim() !== fingerprint(file));
  for (const file of different) await ssh.write(file, signal);
  return different.map(({ path }) => `wrote ${path}`);
}

function fingerprint({ content, mode, owner }: RemoteFile): string {
  return `${createHash('sha256').update(content).digest('hex')}  - ${mode.toString(8)} ${owner}`;
}

/** The proxy writes the same certificates anew, with a mode of its own: only other certificates are a difference. */
async function writeRootCert(ssh: Ssh, file: RemoteFile, signal: AbortSignal | undefined): Promise<string[]> {
  const { stdout } = await ssh.run(`cat ${shellQuote(file.path)} 2>/dev/null`, signal ? { signal } : {});
  if (stdout.trim() === String(file.content).trim()) return [];
  await ssh.write(file, signal);
  return [`wrote ${file.path}`];
}

async function writeHosts(ssh: Ssh, line: string, signal: AbortSignal | undefined): Promise<string[]> {
  const { stdout: before } = await mustRun(ssh, `read ${vmPaths.hosts}`, `cat ${vmPaths.hosts}`, signal);
  const wanted = withHostsBlock(before, line);
  if (before === wanted) return [];
  await ssh.write({ path: vmPaths.hosts, content: wanted, mode: 0o644, owner: 'root:root' }, signal);
  return [`wrote ${vmPaths.hosts}`];
}

/**
 * The token is for the first certificate; a proxy that has a good one renews it by itself and needs none. One that
 * names somebody else, or that another mesh has signed, would be used all the same, and goes first.
 */
async function giveTokenIfNeeded(
  ssh: Ssh,
  { bootstrap, clock, signal }: JoinRequest,
  { facts, newRoot }: { facts: VmFacts; newRoot: boolean },
): Promise<string[]> {
  const { certificateExpiresAt: end, certificateIdentity } = facts.sidecar;
  const foreign = end !== null && (newRoot || certificateIdentity !== bootstrap.identity);
  const good = end !== null && !foreign && end - renewalMarginMs > clock.now();
  if (good) return [];
  if (foreign)
    await mustRun(ssh, 'remove its old certificate', `rm -f ${vmPaths.certChain} ${vmPaths.certKey}`, signal);
  await ssh.write(bootstrap.token, signal);
  return [
    ...(foreign ? [`removed the certificate of ${certificateIdentity}`] : []),
    `wrote ${vmPaths.token}`,
  ];
}

/** Starting only begins it: the unit lays its traffic rules and starts the proxy afterwards. */
async function startSidecar(ssh: Ssh, restart: boolean, signal: AbortSignal | undefined): Promise<string[]> {
  const script = `
set -eu
if ! systemctl is-enabled ${sidecarUnit} >/dev/null 2>&1; then systemctl enable ${sidecarUnit} >&2; echo "enabled ${sidecarUnit}"; fi
if ! systemctl is-active ${sidecarUnit} >/dev/null 2>&1; then systemctl restart ${sidecarUnit} >&2; echo "started ${sidecarUnit}"
elif ${restart}; then systemctl restart ${sidecarUnit} >&2; echo "restarted ${sidecarUnit}"; fi`;
  const { stdout } = await mustRun(ssh, `start ${sidecarUnit}`, script, signal);
  return stdout.trim().split('\n').filter(Boolean);
}

async function untilReady(ssh: Ssh, request: JoinRequest): Promise<void> {
  const { clock, progress, readyTimeoutMs = 60_000 } = request;
  const signal = request.signal ?? new AbortController().signal;
  try {
    await until(
      clock,
      {
        for: `the sidecar of VM ${ssh.target} to be ready`,
        deadlineMs: readyTimeoutMs,
        intervalMs: 200,
        next: `read its log on the VM: tail ${vmPaths.proxyLog} ${vmPaths.proxyErrorLog}`,
        signal,
        progress: (why) => progress?.({ message: `wait until the sidecar is ready: ${why}` }),
      },
      async () => {
        try {
          const { exitCode, stdout } = await ssh.run(readyScript, { signal });
          return exitCode === 0 ? { ready: true, value: undefined } : { ready: false, why: stdout.trim() };
        } catch (error) {
          // Should the new rules have cut our connection all the same, the next look opens another.
          if (isMeshliftError(error, 'ssh-unreachable')) return { ready: false, why: error.why };
          throw error;
        }
      },
    );
  } catch (error) {
    throw error instanceof MeshliftError && error.code === 'timed-out' ? await withLog(ssh, error) : error;
  }
}

/** pilot-agent asks, since a VM need not have curl; it tries for a second by itself. */
const readyScript = `
/usr/local/bin/pilot-agent wait --url http://localhost:15021/healthz/ready --timeoutSeconds 1 --periodMillis 100 >/dev/null 2>&1 && exit 0
state=$(systemctl is-active ${sidecarUnit} 2>/dev/null)
if [ "$state" = active ]; then echo "the proxy runs but is not ready (localhost:15021/healthz/ready)"; else echo "unit ${sidecarUnit} is $state"; fi
exit 1`;

async function withLog(ssh: Ssh, error: MeshliftError): Promise<MeshliftError> {
  const script = `tail -n 400 ${vmPaths.proxyLog} ${vmPaths.proxyErrorLog} 2>/dev/null | grep -iE 'warn|error|fail|fatal' | tail -n 3`;
  const { stdout } = await ssh.run(script);
  const telling = stdout.trim();
  return new MeshliftError('timed-out', {
    where: error.where,
    why: telling === '' ? error.why : `${error.why}; its log says: ${telling.replaceAll('\n', '; ')}`,
    next: error.next,
    cause: error,
  });
}
