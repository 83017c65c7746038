import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * The processes in a pod's containers: those with the HOSTNAME that every container gets, and those beside them that
 * have written over their environment, as Redis does with its title. Those that end meanwhile are left out.
 */
export function processesOfPod(pod: string, proc = '/proc'): number[] {
  const pids = readdirSync(proc).filter((name) => /^\d+$/.test(name));
  const named = pids.filter((pid) =>
    unlessEnded(() => readFileSync(`${proc}/${pid}/environ`, 'utf8').split('\0').includes(`HOSTNAME=${pod}`)),
  );
  const namespace = (pid: string, kind: string) =>
    unlessEnded(() => readlinkSync(`${proc}/${pid}/ns/${kind}`)) ?? null;
  const pods = new Set(named.map((pid) => namespace(pid, 'uts')));
  // A pod on the machine's own network shares the machine's host name with everything that isn't a pod.
  pods.delete(namespace('self', 'uts'));
  pods.delete(null);
  const outside = namespace('self', 'pid');
  const beside = pids.filter((pid) => {
    const inside = namespace(pid, 'pid');
    // What watches over a container is in its pod's namespaces, but counts processes with us: it stays.
    return inside !== null && inside !== outside && pods.has(namespace(pid, 'uts'));
  });
  return [...new Set([...named, ...beside])].map(Number);
}

function unlessEnded<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The pods that `name` means: one of just this name, or all that a workload of this name made. */
export function podsMeant(name: string, pods: readonly string[]): string[] {
  if (pods.includes(name)) return [name];
  // A workload's pods end in one or two words of its own, without vowels or capitals.
  const suffix = /^(-[a-z0-9]{1,10})?-[a-z0-9]{1,5}$/;
  return pods.filter((pod) => pod.startsWith(`${name}-`) && suffix.test(pod.slice(name.length)));
}
