import type { Ssh } from '../effects/ssh/port.ts';
import { withoutHostsBlock } from './hosts-block.ts';
import type { JoinProgress } from './join-progress.ts';
import { mustRun } from './must-run.ts';
import { forgetScript, hasRecordScript, restoreScript } from './record.ts';
import { vmPaths } from './vm-paths.ts';

export interface LeaveReport {
  /** one line for each thing changed; empty when Meshlift had not joined this VM */
  readonly changed: readonly string[];
}

/**
 * Takes the VM out of the mesh and gives back, file for file, what was there before it joined: unit, traffic rules,
 * package, user, files, hosts. Only what Meshlift recorded is touched; the service itself goes on. Can be repeated
 * after it broke off.
 */
export async function leaveVm(
  ssh: Ssh,
  options: { readonly progress?: (step: JoinProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<LeaveReport> {
  const { progress, signal } = options;
  const { exitCode } = await ssh.run(hasRecordScript, signal ? { signal } : {});
  if (exitCode !== 0) return { changed: [] };
  progress?.({ message: 'stop the sidecar and put back what was there before' });
  const restored = await mustRun(ssh, 'leave the mesh', restoreScript, signal);
  const changed = restored.stdout.trim().split('\n').filter(Boolean);

  const { stdout: hosts } = await mustRun(ssh, `read ${vmPaths.hosts}`, `cat ${vmPaths.hosts}`, signal);
  const wanted = withoutHostsBlock(hosts);
  if (wanted !== hosts) {
    await ssh.write({ path: vmPaths.hosts, content: wanted, mode: 0o644, owner: 'root:root' }, signal);
    changed.push(`restored ${vmPaths.hosts}`);
  }
  await mustRun(ssh, 'forget the record', forgetScript, signal);
  return { changed };
}
