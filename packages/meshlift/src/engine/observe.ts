import type { KubeObject } from '../effects/kube/port.ts';
import { MeshliftError } from '../errors/error.ts';
import { isWorkload } from '../mesh/copy.ts';
import { istioNetworking } from '../mesh/mesh-host.ts';
import { readSplitRoute, splitRouteName } from '../mesh/split-route.ts';
import { workloadGroupRef } from '../mesh/vm-workload.ts';
import type { Health, MemberObservation, Observation } from '../migration/observation.ts';
import type { Machine } from '../spec/migration.ts';
import { sideHostDamage } from '../verification/side-hosts-stand.ts';
import type { EngineContext, MemberCluster } from './context.ts';
import { readPredecessors } from './predecessors.ts';
import type { TrafficWatch } from './traffic-watch.ts';

/** One look at the world: every member's route, both sides' health, and what callers saw. */
export async function observe(
  context: EngineContext,
  traffic: Pick<TrafficWatch, 'look'>,
): Promise<Observation> {
  const [members, vm, copy, window, predecessors] = await Promise.all([
    memberRoutes(context),
    vmHealth(context),
    copyHealth(context),
    traffic.look(),
    readPredecessors(context),
  ]);
  return { members, vm, copy, window, gates: [], predecessors };
}

/** The route that each member has, by its name; one that does not answer is named, too. */
export async function memberRoutes(context: EngineContext): Promise<Observation['members']> {
  const { members } = context;
  return Object.fromEntries(
    await Promise.all(members.map(async (it) => [it.name, await observeMember(context, it)] as const)),
  );
}

async function observeMember(context: EngineContext, member: MemberCluster): Promise<MemberObservation> {
  try {
    const [object, damage] = await Promise.all([
      member.kube.get(splitRouteRef(context), context.signal),
      sideHostDamage(context, member),
    ]);
    if (!object) return { reachable: true, route: { found: 'none' } };
    const route = readSplitRoute(context.migration, object);
    if (!route) return { reachable: true, route: { found: 'edited' } };
    return { reachable: true, route: { found: 'ours', ...route }, ...(damage !== null && { damage }) };
  } catch (error) {
    return { reachable: false, why: reason(error, context) };
  }
}

export function splitRouteRef({ migration }: Pick<EngineContext, 'migration'>) {
  return {
    apiVersion: istioNetworking,
    kind: 'VirtualService',
    namespace: migration.metadata.namespace,
    name: splitRouteName(migration),
  };
}

/**
 * A VM is what istiod says of its registration: the health of the probe that its own sidecar runs. Of several, the
 * healthy ones serve, and proxies send nothing to the others: the side is down when none is left.
 */
export async function vmHealth(context: EngineContext): Promise<Health> {
  const { machines } = context.migration.spec.vm;
  const all = await machinesHealth(context, machines);
  return all.find(({ is }) => is === 'healthy') ?? all.find(({ is }) => is !== 'absent') ?? { is: 'absent' };
}

/** The health of each of these VMs, in their order. */
export async function machinesHealth(
  context: EngineContext,
  machines: readonly Machine[],
): Promise<readonly Health[]> {
  try {
    const entries = await vmEntries(context);
    return machines.map(({ host }) => {
      const own = entries.find(({ spec }) => (spec as { address?: string }).address === host);
      return own ? entryHealth(own) : { is: 'absent' };
    });
  } catch (error) {
    const why = reason(error, context);
    return machines.map(() => ({ is: 'unknown', why }));
  }
}

/** The WorkloadEntries with which the VMs registered themselves. */
export async function vmEntries(context: EngineContext): Promise<readonly KubeObject[]> {
  const { name, namespace } = workloadGroupRef(context.migration);
  const entries = await context.home.kube.list(
    { apiVersion: istioNetworking, kind: 'WorkloadEntry', namespace },
    context.signal,
  );
  return entries.filter((entry) => entry.metadata.annotations?.['istio.io/autoRegistrationGroup'] === name);
}

function entryHealth(entry: KubeObject): Health {
  const conditions = (entry.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
  const healthy = conditions.find((it) => it.type === 'Healthy');
  if (!healthy) return { is: 'unhealthy', why: 'its probe has not succeeded yet' };
  if (healthy.status === 'True') return { is: 'healthy' };
  return { is: 'unhealthy', why: `its probe fails${healthy.message ? `: ${healthy.message}` : ''}` };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** The copy is healthy when every workload of the manifests has all the pods that it wants, ready and up to date. */
export async function copyHealth(context: EngineContext): Promise<Health> {
  const workloads = context.manifests.filter(isWorkload);
  try {
    for (const workload of workloads) {
      const live = await context.target.kube.get(
        {
          apiVersion: workload.apiVersion,
          kind: workload.kind,
          namespace: workload.metadata.namespace ?? context.migration.metadata.namespace,
          name: workload.metadata.name,
        },
        context.signal,
      );
      if (!live) return { is: 'absent' };
      const problem = rolloutProblem(live);
      if (problem) return { is: 'unhealthy', why: problem };
    }
    return workloads.length === 0 ? { is: 'absent' } : { is: 'healthy' };
  } catch (error) {
    return { is: 'unknown', why: reason(error, context) };
  }
}

/** Why a Deployment, StatefulSet or DaemonSet is not fully rolled out; null when it is. */
export function rolloutProblem(workload: KubeObject): string | null {
  const { spec, status = {} } = workload as {
    spec?: { replicas?: number };
    status?: Record<string, number>;
  } & KubeObject;
  const named = `${workload.kind} ${workload.metadata.name}`;
  if ((status.observedGeneration ?? 0) < (workload.metadata.generation ?? 0))
    return `${named} is being rolled out`;
  const daemon = workload.kind === 'DaemonSet';
  const wanted = daemon ? (status.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1);
  const ready = (daemon ? status.numberReady : status.readyReplicas) ?? 0;
  const updated = (daemon ? status.updatedNumberScheduled : status.updatedReplicas) ?? 0;
  if (wanted === 0) return `${named} wants no pods`;
  if (updated < wanted) return `${named} has ${updated} of ${wanted} pods up to date`;
  return ready < wanted ? `${named} has ${ready} of ${wanted} pods ready` : null;
}

/** Only failures that Meshlift can name become part of an observation; anything else is a bug and must surface. */
function reason(error: unknown, context: EngineContext): string {
  context.signal.throwIfAborted();
  if (error instanceof MeshliftError) return error.why;
  throw error;
}
