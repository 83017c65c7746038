import type { ProxyEndpoint } from '../effects/istiod/proxy-config.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { isMeshliftError } from '../errors/error.ts';
import { wayName } from '../mesh/far-copy.ts';
import { sideHost } from '../mesh/names.ts';
import { isVmEndpoint } from '../mesh/vm-workload.ts';
import { type Phase, reached } from '../migration/phase.ts';
import { sides, type TrafficSplit } from '../migration/traffic-split.ts';
import { untilEndpointsKnown } from '../verification/endpoints-known.ts';
import { sideHostDamage } from '../verification/side-hosts-stand.ts';
import { ensureFarCopy, ensureFarVm, ensureSideHosts } from './side-hosts.ts';

/** Whether all that a split's route leads to is there already, and as it is to be. */
export async function waysStand(
  context: EngineContext,
  member: MemberCluster,
  split: TrafficSplit,
  phase: Phase,
): Promise<boolean> {
  const { migration, target } = context;
  const needsFarCopy = split.k8s > 0 && member.name !== target.name;
  const farCopy = needsFarCopy ? [wayName(migration, member.name, target.name)] : [];
  return (await sideHostDamage(context, member, [copyIn(phase)], farCopy)) === null;
}

function copyIn(phase: Phase): 'absent' | 'present' {
  return reached(phase, 'Deployed') ? 'present' : 'absent';
}

/** Everything that the split's route leads to stands, and proxies know what of it is new. */
export async function makeWays(
  context: EngineContext,
  member: MemberCluster,
  split: TrafficSplit,
  phase: Phase,
): Promise<void> {
  const [newVm, newCopy] = await Promise.all([
    // Completing takes both sides' stand-ins away; whoever comes back from there needs them again.
    ensureFarVm(context, member),
    split.k8s > 0 && farCopyIsNew(context, member, phase),
    ensureSideHosts(context, member, copyIn(phase)),
  ]);
  if (newVm || newCopy || !routed(phase)) await untilSidesKnown(context, member, split);
}

/**
 * Where its gateway is, the target cluster says. As long as routes are in place, so is the way to the copy: that the
 * target does not answer is no reason to leave another member on a split that is not agreed.
 */
async function farCopyIsNew(context: EngineContext, member: MemberCluster, phase: Phase): Promise<boolean> {
  try {
    return await ensureFarCopy(context, member);
  } catch (error) {
    if (!routed(phase) || !isMeshliftError(error, 'cluster-unreachable')) throw error;
    return false;
  }
}

/** Whether the split's route is in place in this phase; where it is not, the side hosts may be new to the proxies. */
export function routed(phase: Phase): boolean {
  return reached(phase, 'Joined') && !reached(phase, 'Completed');
}

/** A route must not lead to a host that a proxy does not know yet. */
async function untilSidesKnown(
  context: EngineContext,
  member: MemberCluster,
  split: TrafficSplit,
): Promise<void> {
  for (const side of sides.filter((it) => split[it] > 0)) {
    const host = sideHost(context.migration, side);
    await untilEndpointsKnown(context, member, {
      host,
      what: `the ${side} side behind ${host}`,
      // With the net each side holds the other's endpoints as well, which don't count.
      problem: (endpoints) =>
        endpoints.some((it) => it.healthy && isOnVm(context, it) === (side === 'vm'))
          ? null
          : `it has no healthy endpoint of the ${side} side yet`,
      deadlineMs: context.migration.spec.deadlines.agree,
    });
  }
}

function isOnVm({ migration }: EngineContext, { address }: ProxyEndpoint): boolean {
  return isVmEndpoint(migration, address);
}
