import type { Ssh, SshResult } from '../effects/ssh/port.ts';
import { MeshliftError } from '../errors/error.ts';

/** Runs a script that has to work: `vm-command` with its last words when it ends with another code than 0. */
export async function mustRun(
  ssh: Ssh,
  doing: string,
  script: string,
  signal?: AbortSignal,
): Promise<SshResult> {
  const result = await ssh.run(script, signal ? { signal } : {});
  if (result.exitCode === 0) return result;
  const lines = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-4);
  throw new MeshliftError('vm-command', {
    where: `${doing} on VM ${ssh.target}`,
    why: lines.join('; ') || `it ended with ${result.exitCode}`,
    next: `log in and look: ssh ${ssh.target.replace(/:\d+$/, '')}`,
  });
}
