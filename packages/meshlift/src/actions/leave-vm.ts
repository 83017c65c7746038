import type { EngineContext } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import { openJournal, readStatus } from '../engine/journal.ts';
import { whileOwning } from '../engine/ownership.ts';
import { MeshliftError } from '../errors/error.ts';
import type { Phase } from '../migration/phase.ts';
import { formatSplit } from '../migration/traffic-split.ts';
import { type LeaveReport, leaveVm } from '../vm/leave.ts';

/** Where leaving by itself harms nobody: the VM is not in use yet, or no longer. */
const harmless: ReadonlySet<Phase> = new Set(['Planned', 'Retired']);

/**
 * Takes the VM out of the mesh and puts back, file for file, what was there before it joined: for a join that broke off,
 * or a migration that is given up. Rejects with `wrong-phase` while callers depend on the VM's sidecar, unless `force`:
 * then they lose the VM, and the migration is Planned again.
 */
export async function leaveMesh(context: EngineContext, force: boolean): Promise<LeaveReport> {
  return whileOwning(context, async (owned) => {
    const { signal } = owned;
    const { agreed, phase } = await readStatus(owned);
    if (!harmless.has(phase) && !force) throw stillInUse(owned, phase, agreed?.split.vm ?? 0);
    const changed: string[] = [];
    const { machines } = owned.migration.spec.vm;
    for (const machine of machines) {
      const ssh = await owned.ssh(machine);
      const left = await leaveVm(ssh, {
        signal,
        progress: ({ message }) => tell(owned, 'vm-leave', 'progress', message),
      });
      changed.push(...left.changed.map((line) => (machines.length === 1 ? line : `${ssh.target}: ${line}`)));
    }
    if (!harmless.has(phase)) {
      const journal = await openJournal(owned);
      await journal.record({ phase: 'Planned' });
    }
    return { changed };
  });
}

function stillInUse({ migration }: EngineContext, phase: Phase, share: number): MeshliftError {
  const completed = phase === 'Completed';
  return new MeshliftError('wrong-phase', {
    where: `VM ${migration.spec.vm.machines.map(({ host }) => host).join(', ')}`,
    why: completed
      ? `the migration is Completed: retiring takes the VM out, after the proof that nothing calls it`
      : `the migration is ${phase}, and callers in every cluster reach the VM through its sidecar (${formatSplit({ vm: share, k8s: 100 - share })} agreed)`,
    next: completed
      ? 'meshlift retire'
      : 'meshlift run --until retired to finish; or, to give up although callers then lose the VM: meshlift vm leave --force',
  });
}
