import { withSharedReads } from '../effects/kube/shared-reads.ts';
import type { EngineContext } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import { readVmFacts, type VmFacts } from '../vm/facts.ts';
import { readServiceProcess, type ServiceProcess } from '../vm/service-process.ts';

/** What checks look at, each thing read once however many of them look at it. */
export interface Scene extends EngineContext {
  readonly vmFacts: () => Promise<VmFacts>;
  /** what runs behind the service's port on the VM; rejects with `vm-command` where that can't be seen */
  readonly serviceProcess: () => Promise<ServiceProcess>;
}

/** For one run of checks: what it has read once stays as it was. */
export function sceneOf(context: EngineContext): Scene {
  const members = context.members.map((member) => ({ ...member, kube: withSharedReads(member.kube) }));
  const same = (name: string) => members.find((it) => it.name === name);
  return {
    ...context,
    members,
    home: same(context.home.name) ?? context.home,
    target: same(context.target.name) ?? context.target,
    vmFacts: once(async () => readVmFacts(await context.ssh(), context)),
    serviceProcess: once(() => serviceProcessOf(context)),
  };
}

async function serviceProcessOf({ migration, signal, ssh }: EngineContext): Promise<ServiceProcess> {
  const { port } = migration.spec.service;
  const connection = await ssh();
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
