import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { mustRun } from '../demo/src/command.ts';

/** What a running lab consists of, as the host's kernel knows it. */
export interface Traces {
  readonly stateDir: string;
  readonly processes: readonly Process[];
  /** e.g. `net:[4026532781]`; the host's own are not among them */
  readonly namespaces: readonly string[];
  /** `127.0.0.1:PORT` of each forward */
  readonly ports: readonly string[];
}

export interface Process {
  readonly pid: number;
  /** In clock ticks since the machine's boot: with it, a pid names one process only. */
  readonly startTime: string;
  readonly parent: number;
  readonly argv: readonly string[];
}

/** What of the host labs must not change. */
export interface Host {
  readonly mounts: readonly string[];
  readonly interfaces: readonly string[];
  readonly rules: readonly string[];
  readonly files: readonly string[];
}

/** The lab in this state folder: the warden, all that descends from it, and their namespaces. */
export async function tracesOf(stateDir: string, forwards: readonly { listen: string }[]): Promise<Traces> {
  const all = await processes();
  const warden = all.find(
    ({ argv }) => argv.at(-1) === stateDir && argv.some((it) => it.endsWith('warden-main.ts')),
  );
  if (!warden) throw new Error(`no warden serves ${stateDir}`);
  const ours = [warden];
  for (const each of ours) ours.push(...all.filter(({ parent }) => parent === each.pid));
  // The warden is on the host, as whoever started it sees it.
  const host = new Set(await namespacesOf(warden.pid));
  const used = await Promise.all(ours.map(({ pid }) => namespacesOf(pid)));
  const namespaces = [...new Set(used.flat())].filter((name) => !host.has(name));
  return { stateDir, processes: ours, namespaces, ports: forwards.map(({ listen }) => listen) };
}

/** The lab's process whose command line has this word in it. */
export function processOf(traces: Traces, word: string): Process {
  const found = traces.processes.find(({ argv }) => argv.some((it) => it.endsWith(word)));
  if (!found) throw new Error(`the lab has no process ${word}`);
  return found;
}

/** Processes of the lab that are still there, and namespaces that something still holds. */
export async function aliveOf(traces: Traces): Promise<string[]> {
  const all = await processes();
  const now = new Map(all.map((it) => [it.pid, it.startTime]));
  const alive = traces.processes.filter(({ pid, startTime }) => now.get(pid) === startTime);
  const held = new Set((await Promise.all(all.map(({ pid }) => namespacesOf(pid)))).flat());
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return [
    ...alive.map(({ pid, argv }) => `process ${pid}: ${argv.join(' ')}`),
    ...traces.namespaces.filter((name) => held.has(name) || mounts.includes(` ${name} `)),
  ];
}

/** All that is left of a lab that is down, or was added to the host meanwhile. */
export async function leftOf(traces: Traces, before: Host): Promise<string[]> {
  const after = await host();
  const added = (Object.keys(before) as (keyof Host)[]).flatMap((kind) =>
    after[kind].filter((it) => !before[kind].includes(it)).map((it) => `${kind}: ${it}`),
  );
  const listening = (await mustRun(['ss', '-Hltn'], { signal: AbortSignal.timeout(10_000) })).stdout;
  const there = (path: string) =>
    access(path).then(
      () => [path],
      () => [],
    );
  return [
    ...(await aliveOf(traces)),
    ...traces.ports.filter((port) => listening.includes(`${port} `)),
    ...(await there(traces.stateDir)),
    ...(await there(`${traces.stateDir}.lock`)),
    ...added,
  ];
}

export async function host(): Promise<Host> {
  const lines = async (...command: string[]) =>
    (await mustRun(command, { signal: AbortSignal.timeout(10_000) })).stdout.split('\n');
  const folders = ['/run', '/run/netns', '/var/lib', '/var/lib/kubelet', '/var/log', '/var/log/containers'];
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n');
  return {
    mounts: mounts.map((line) => line.split(' ').slice(3).join(' ')),
    interfaces: (await lines('ip', '-o', 'link')).map((line) => line.split(': ')[1] ?? ''),
    // Only root may read the rules, and only root could change them.
    rules: process.getuid?.() === 0 ? await lines('nft', 'list', 'ruleset') : [],
    files: (
      await Promise.all(
        folders.map(async (folder) =>
          (await readdir(folder).catch(ifAbsent)).map((name) => `${folder}/${name}`),
        ),
      )
    ).flat(),
  };
}

function ifAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => read(Number(pid)).catch(() => null)));
  // One without a command line has ended, but for its parent's asking how; or it is the kernel's own.
  return found.filter((it) => it !== null).filter(({ argv }) => argv.length > 0);
}

/** Rejects when the process has ended. */
async function read(pid: number): Promise<Process> {
  const [stat, argv] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
  ]);
  // The program's name is in brackets and may have anything in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    startTime: fields[19] ?? '',
    argv: argv.split('\0').filter(Boolean),
  };
}

/** None for a process that has ended, or is not ours to look at. */
async function namespacesOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/ns`;
  const names = ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
  return Promise.all(names.map((name) => readlink(`${folder}/${name}`))).catch(() => []);
}
