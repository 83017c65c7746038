import { readdirSync, readFileSync } from 'node:fs';

/**
 * The processes of a pod, found by the HOSTNAME that every container gets. Those that end meanwhile are
 * left out.
 */
export function processesOfPod(pod: string, proc = '/proc'): number[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`${proc}/${name}/environ`, 'utf8').split('\0').includes(`HOSTNAME=${pod}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The pods that `name` means: one of just this name, or all that a workload of this name made. */
export function podsMeant(name: string, pods: readonly string[]): string[] {
  if (pods.includes(name)) return [name];
  // A workload's pods end in one or two words of its own, without vowels or capitals.
  const suffix = /^(-[a-z0-9]{1,10})?-[a-z0-9]{1,5}$/;
  return pods.filter((pod) => pod.startsWith(`${name}-`) && suffix.test(pod.slice(name.length)));
}
