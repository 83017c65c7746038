import { withSharedReads } from '../effects/kube/shared-reads.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import type { EngineContext } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import type { Machine } from '../spec/migration.ts';
import { readVmFacts, type VmFacts } from '../vm/facts.ts';
import { readServiceProcess, type ServiceProcess } from '../vm/service-process.ts';

/**
 * What checks look at, each thing read once however many of them look at it. Of several VMs, a scene shows one; the
 * others are in `vms`.
 */
export interface Scene extends EngineContext {
  readonly machine: Machine;
  /** the same scene with each of the VMs, this one among them */
  readonly vms: () => readonly Scene[];
  readonly connection: () => Promise<Ssh>;
  readonly vmFacts: () => Promise<VmFacts>;
  /** what runs behind the service's port on the VM; rejects with `vm-command` where that can't be seen */
  readonly serviceProcess: () => Promise<ServiceProcess>;
}

/** For one run of checks: what it has read once stays as it was. */
export function sceneOf(context: EngineContext): Scene {
  const members = context.members.map((member) => ({ ...member, kube: withSharedReads(member.kube) }));
  const same = (name: string) => members.find((it) => it.name === name);
  const shared = {
    ...context,
    members,
    home: same(context.home.name) ?? context.home,
    target: same(context.target.name) ?? context.target,
  };
  const scenes: readonly Scene[] = context.migration.spec.vm.machines.map((machine) => {
    const connection = () => context.ssh(machine);
    return {
      ...shared,
      machine,
      vms: () => scenes,
      connection,
      vmFacts: once(async () => readVmFacts(await connection(), context)),
      serviceProcess: once(async () => serviceProcessOf(context, await connection())),
    };
  });
  const [first] = scenes;
  if (!first) throw new TypeError('the schema admits no migration without a VM');
  return first;
}

async function serviceProcessOf(
  { migration, signal }: EngineContext,
  connection: Ssh,
): Promise<ServiceProcess> {
  const { port } = migration.spec.service;
  const process = await readServiceProcess(connection, { port, signal });
  if (process) return process;
  throw new MeshliftError('vm-command', {
    where: `port ${port} of VM ${connection.target}`,
    why: 'no program can be seen behind it: nothing listens there, or something that only hands connections on',
    next: `see what listens: sudo ss -ltnp 'sport = :${port}'; run a container with --network host`,
  });
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null;
  return () => {
    answer ??= read();
    return answer;
  };
}
