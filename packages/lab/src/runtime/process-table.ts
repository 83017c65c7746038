import { readFile } from 'node:fs/promises';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as in /proc/PID/stat. */
  readonly startTime: string;
}

/** Field 22 of /proc/PID/stat; the second field may contain blanks and parentheses. */
export function startTimeOf(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3];
}

/** Whether the process is still there (a zombie counts as gone). */
export async function isAlive({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    return startTimeOf(stat) === startTime && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** Sends a signal; a process that is already gone is no error. */
export async function signal(process_: ProcessIdentity, number: number): Promise<void> {
  if (!(await isAlive(process_))) return;
  try {
    process.kill(process_.pid, number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
