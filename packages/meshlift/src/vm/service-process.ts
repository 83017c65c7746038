import type { Ssh } from '../effects/ssh/port.ts';
import { mustRun } from './must-run.ts';
import { type Connection, connectionsIn, type Listener } from './sockets.ts';

/** The program behind a port of the VM, as the kernel tells of it: what a copy elsewhere would have to have, too. */
export interface ServiceProcess {
  /** its program file */
  readonly program: string;
  readonly folder: string;
  /** how many processes share the port */
  readonly processes: number;
  /** memory that they have now, together */
  readonly residentBytes: number;
  /** cores that they have used since they started, on average */
  readonly cores: number;
  /** the systemd unit that keeps it; null where none does */
  readonly unit: { readonly name: string; readonly enabled: boolean } | null;
  /** names of its environment's variables; their values stay on the VM */
  readonly environment: readonly string[];
  /** files that it has open, its program and its libraries apart */
  readonly files: readonly OpenFile[];
  /** files that its command line names */
  readonly argumentFiles: readonly string[];
  /** on which ports it listens, that of the service included */
  readonly listens: readonly Listener[];
  /** connections that others have opened to the service's port */
  readonly callers: readonly Connection[];
  /** connections that it has opened to others */
  readonly calls: readonly Connection[];
}

export interface OpenFile {
  readonly path: string;
  readonly written: boolean;
}

/**
 * One round trip. Every process that holds the listening socket counts (workers inherit it). Of the environment only
 * names leave the VM: `.` of sed matches the line breaks within a value, so that no part of one is taken for a name.
 */
export function serviceScript(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return `
s() { printf '\\n=%s=\\n' "$1"; }
inodes=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r n local remote state a b c d e inode rest; do
  case "$local $state" in *:${hex}" 0A") echo "$inode";; esac
done)
pids=$(for i in $inodes; do find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\\[$i\\]" 2>/dev/null; done | cut -d/ -f3 | sort -un)
set -- $pids
s pids; echo "$pids"
s program; [ $# -gt 0 ] && { readlink "/proc/$1/exe"; readlink "/proc/$1/cwd"; }
s memory; for p in $pids; do grep -s ^VmRSS: "/proc/$p/status"; done
s cpu; getconf CLK_TCK; cut -d' ' -f1 /proc/uptime; for p in $pids; do sed 's/.*)//' "/proc/$p/stat" 2>/dev/null; done
s units; for u in $(systemctl list-units --type=service --state=running --plain --no-legend 2>/dev/null | while read -r u rest; do echo "$u"; done); do
  echo "$(systemctl show -p MainPID "$u" 2>/dev/null) $u $(systemctl is-enabled "$u" 2>/dev/null)"
done
s parents; for p in $pids; do echo "$p $(grep -s ^PPid: "/proc/$p/status")"; done
s environment; [ $# -gt 0 ] && sed -z 's/=.*//' "/proc/$1/environ" 2>/dev/null | tr '\\0' '\\n' | grep -x '[A-Za-z_][A-Za-z0-9_]*' | sort -u
s files; for p in $pids; do find "/proc/$p/fd" -maxdepth 1 -lname '/*' ! -lname '/dev/*' ! -lname '/proc/*' ! -lname '/sys/*' ! -lname '/memfd:*' -printf '%M %l\\n' 2>/dev/null; done | sort -u | head -n 500
s arguments; [ $# -gt 0 ] && tr '\\0' '\\n' < "/proc/$1/cmdline" | sed 's/^[^/]*=//' | while read -r f; do case "$f" in /*) [ -f "$f" ] && echo "$f";; esac; done
s sockets; for p in $pids; do find "/proc/$p/fd" -maxdepth 1 -lname 'socket:*' -printf '%l\\n' 2>/dev/null; done | sort -u
s connections; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
:
`;
}

/** What runs behind the port; null when nothing listens there, or what does can't be told (a container's proxy). */
export async function readServiceProcess(
  ssh: Ssh,
  { port, signal }: { readonly port: number; readonly signal?: AbortSignal },
): Promise<ServiceProcess | null> {
  const { stdout } = await mustRun(ssh, `look at what listens on port ${port}`, serviceScript(port), signal);
  return parseServiceProcess(stdout, port);
}

/** Docker's own: the process that listens for a published port, while the service runs in a network of its own. */
const standIn = /\/(docker-proxy|rootlesskit|rootlessport|pasta|slirp4netns)$/;

export function parseServiceProcess(printed: string, port: number): ServiceProcess | null {
  const sections = new Map(
    printed
      .split(/\n=(?=[a-z]+=\n)/)
      .map((section) => [section.slice(0, section.indexOf('=')), section.slice(section.indexOf('\n') + 1)]),
  );
  const lines = (name: string) => (sections.get(name) ?? '').split('\n').filter(Boolean);
  const pids = lines('pids');
  const [program = '', folder = ''] = lines('program');
  if (pids.length === 0 || program === '' || standIn.test(program)) return null;
  const own = new Set(lines('sockets').flatMap((it) => /\[(\d+)\]/.exec(it)?.[1] ?? []));
  const { connections, listeners } = connectionsIn(lines('connections'), (inode) => own.has(inode));
  return {
    program,
    folder,
    processes: pids.length,
    residentBytes: lines('memory').reduce((sum, it) => sum + Number(/(\d+) kB/.exec(it)?.[1] ?? 0) * 1024, 0),
    cores: coresUsed(lines('cpu')),
    unit: unitOf(lines('units'), [...pids, ...lines('parents').map((it) => it.split(/\s+/).at(-1) ?? '')]),
    environment: lines('environment'),
    files: openFiles(lines('files'), program),
    argumentFiles: [...new Set(lines('arguments'))].filter((it) => it !== program),
    listens: listeners,
    callers: connections.filter(({ local }) => local.port === port),
    calls: connections.filter(({ local }) => !listeners.some((it) => it.port === local.port)),
  };
}

/** Fields of /proc/PID/stat after the program's name: the 12th and 13th are its time in ticks, the 20th its start. */
function coresUsed([ticksPerSecond = '', uptime = '', ...stats]: readonly string[]): number {
  const ticks = Number(ticksPerSecond) || 100;
  return stats.reduce((sum, stat) => {
    const fields = stat.trim().split(/\s+/).map(Number);
    const lived = Number(uptime) - (fields[19] ?? 0) / ticks;
    return lived > 0 ? sum + ((fields[11] ?? 0) + (fields[12] ?? 0)) / ticks / lived : sum;
  }, 0);
}

function unitOf(units: readonly string[], pids: readonly string[]): ServiceProcess['unit'] {
  for (const line of units) {
    const [main = '', name = '', enabled = ''] = line.split(' ');
    const pid = main.replace('MainPID=', '');
    if (pid !== '0' && pids.includes(pid)) return { name, enabled: enabled === 'enabled' };
  }
  return null;
}

/** `l-wx------ /var/lib/catalog/db`; the mode of the link in /proc tells how the file was opened. */
function openFiles(lines: readonly string[], program: string): readonly OpenFile[] {
  const files = new Map<string, boolean>();
  for (const line of lines) {
    const path = line.slice(line.indexOf(' ') + 1);
    if (path === program || path.endsWith(' (deleted)')) continue;
    files.set(path, (files.get(path) ?? false) || line[2] === 'w');
  }
  return [...files].map(([path, written]) => ({ path, written }));
}
