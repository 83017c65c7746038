import { readdirSync, readFileSync } from 'node:fs';

/** One process as /proc shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Resident memory; a page that several processes share counts in each for its part, so sums are true. */
  readonly rssBytes: number;
}

/** Every process of this pid namespace. Those that end while it is read are left out. */
export function readProcesses(proc = '/proc'): ProcessFacts[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`${proc}/${name}/stat`, 'utf8');
        // The command, in parentheses, may hold anything; the fields after it start with the state.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [
          { pid: Number(name), parent: Number(fields[1]), rssBytes: proportionalBytes(`${proc}/${name}`) },
        ];
      } catch {
        return [];
      }
    });
}

function proportionalBytes(process: string): number {
  const kibibytes = /^Pss: +(\d+) kB$/m.exec(readFileSync(`${process}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/** The resident memory of each of `roots` with its descendants; a process counts for its nearest root. */
export function memoryOf(roots: readonly number[], processes: readonly ProcessFacts[]): Map<number, number> {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const totals = new Map(roots.map((root) => [root, 0]));
  for (const { pid, rssBytes } of processes) {
    let owner: number | undefined = pid;
    while (owner !== undefined && !totals.has(owner)) owner = parents.get(owner);
    if (owner !== undefined) totals.set(owner, (totals.get(owner) ?? 0) + rssBytes);
  }
  return totals;
}
