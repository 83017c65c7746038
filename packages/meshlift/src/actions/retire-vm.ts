import { until } from '../effects/clock/until.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import { vmEntries } from '../engine/observe.ts';
import type { TrafficWatch } from '../engine/traffic-watch.ts';
import { MeshliftError } from '../errors/error.ts';
import { migrationLabel } from '../mesh/marks.ts';
import { istioNetworking } from '../mesh/mesh-host.ts';
import { workloadGroupRef } from '../mesh/vm-workload.ts';
import { formatDuration } from '../spec/duration.ts';
import { countOf, type Machine, portsOf } from '../spec/migration.ts';
import { readVmInbound } from '../vm/inbound.ts';
import { leaveVm } from '../vm/leave.ts';
import { drain } from './drain.ts';
import { removeSideHosts } from './side-hosts.ts';

const lookEveryMs = 1_000;

/**
 * Retires the VM: proves by its own inbound counters that it got no request for the agreed time, takes it out of the
 * mesh, and removes what is left of it, and of Meshlift, from every cluster. The program on the VM is not touched.
 */
export async function retireVm(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
): Promise<void> {
  const { clock, home, members, migration, signal } = context;
  const { machines } = migration.spec.vm;
  if (!journal.status.idleProvenAt) {
    // Idle at the same time: of several, one may answer while another is being looked at.
    await Promise.all(machines.map((machine) => proveIdle(context, machine)));
    // Whoever goes on after this broke off finds sidecars that have stopped, and nothing to ask them.
    await journal.record({ idleProvenAt: new Date(clock.now()).toISOString() });
  }

  for (const machine of machines) {
    const ssh = await context.ssh(machine);
    const left = await leaveVm(ssh, {
      signal,
      progress: ({ message }) => tell(context, 'vm-leave', 'progress', message),
    });
    tell(
      context,
      'vm-leave',
      'progress',
      `the sidecar left ${ssh.target}: ${left.changed.join(', ') || 'nothing was there'}`,
      { ...left },
    );
  }

  const group = workloadGroupRef(migration);
  await home.kube.delete({ apiVersion: istioNetworking, kind: 'WorkloadGroup', ...group }, { signal });
  await until(
    clock,
    {
      for: `the VM's registration to leave ${home.name}`,
      deadlineMs: migration.spec.deadlines.ready,
      intervalMs: 200,
      next: `kubectl --context ${home.member.context} -n ${group.namespace} get workloadentries`,
      signal,
    },
    async () => {
      const entries = await vmEntries(context);
      return entries.length === 0
        ? { ready: true, value: true }
        : {
            ready: false,
            why: `WorkloadEntry ${entries.map((it) => it.metadata.name).join(', ')} is still there`,
          };
    },
  );
  await removeVmAccount(context);
  for (const member of members) await removeSideHosts(context, member);
  // The record takes over what the counters knew, then they go: whatever breaks off between, the next one goes on.
  const counted = await traffic.save();
  if (counted) await journal.record({ traffic: counted });
  await traffic.forget();
  await journal.record({ phase: 'Retired', retiredAt: new Date(clock.now()).toISOString() });
  tell(
    context,
    'retire',
    'done',
    `the VM is out of the mesh; stopping it changes nothing for callers of ${migration.spec.service.name}`,
  );
}

/** The VM's own proxy counts what reaches it, from callers that no other proxy of the mesh would show. */
async function proveIdle(context: EngineContext, machine: Machine): Promise<void> {
  const { clock, migration, signal } = context;
  const { idle } = migration.spec.retire;
  const ssh = await context.ssh(machine);
  const inbound = () => readVmInbound(ssh, { ports: portsOf(migration).map(({ port }) => port), signal });
  await drain(context, {
    where: `VM ${ssh.target}`,
    look: async () => {
      const { activeRequests } = await inbound();
      return activeRequests === 0
        ? null
        : `${countOf(migration, activeRequests)} still ${activeRequests === 1 ? 'runs' : 'run'} on it`;
    },
    before: 'take it out of the mesh',
    next: 'meshlift retire',
  });
  const first = await inbound();
  const started = clock.now();
  tell(context, 'retire', 'step', `proving that ${ssh.target} gets no request for ${formatDuration(idle)}`, {
    ...first,
  });
  for (;;) {
    await clock.wait(Math.min(lookEveryMs, idle), signal);
    const now = await inbound();
    const got = now.requests - first.requests;
    if (got !== 0) {
      throw new MeshliftError('vm-unhealthy', {
        where: `VM ${ssh.target}`,
        why: `it got ${countOf(migration, got)} in ${formatDuration(clock.now() - started)}: something still calls it`,
        next: 'find its callers (on the VM: ss -tn), move them to the service’s name, then: meshlift retire',
      });
    }
    if (clock.now() - started >= idle) break;
    tell(
      context,
      'wait',
      'progress',
      `${ssh.target} got no request for ${formatDuration(clock.now() - started)}`,
    );
  }
  tell(context, 'retire', 'progress', `${ssh.target} got no request for ${formatDuration(idle)}`, {
    requestsEver: first.requests,
  });
}

/** The VM's identity goes with it, unless it was there before or pods run as it. */
async function removeVmAccount(context: EngineContext): Promise<void> {
  const { home, members, migration, signal } = context;
  const { namespace } = migration.metadata;
  const name = migration.spec.vm.serviceAccount;
  const account = await home.kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, signal);
  if (account?.metadata.labels?.[migrationLabel] !== migration.metadata.name) return;
  for (const member of members) {
    const pods = await member.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace }, signal);
    if (
      pods.some(
        (pod) => (pod.spec as { serviceAccountName?: string } | undefined)?.serviceAccountName === name,
      )
    ) {
      await unmark(context, account);
      return;
    }
  }
  await home.kube.delete({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, { signal });
}

/** The account stays with those who use it; our label on it does not. */
async function unmark({ home, signal }: EngineContext, account: KubeObject): Promise<void> {
  const { [migrationLabel]: _ours, ...labels } = account.metadata.labels ?? {};
  await home.kube.replace({ ...account, metadata: { ...account.metadata, labels } }, { signal });
}
