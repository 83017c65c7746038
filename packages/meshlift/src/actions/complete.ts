import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import type { TrafficWatch } from '../engine/traffic-watch.ts';
import { generationOfRoute, ownHosts, serviceHost } from '../mesh/names.ts';
import { isVmEndpoint } from '../mesh/vm-workload.ts';
import { untilEndpointsKnown } from '../verification/endpoints-known.ts';
import { syncBaseline, untilRoutesServed } from '../verification/routes-served.ts';
import { drainSideHosts } from './drain.ts';
import { ensureHomeStandIns, removeRoute, removeSideHosts } from './side-hosts.ts';

/**
 * Makes Kubernetes the service's own home. The name's selector never changes (it selects the pods from the start):
 * completing is taking the route away, after every proxy was seen to have the pods under the service's own name, and
 * before the side hosts are removed, once nothing runs by way of them. Traffic does not notice.
 */
export async function complete(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
): Promise<void> {
  const { members, migration } = context;
  await Promise.all(
    members.map(async (member) => {
      await ensureHomeStandIns(context, member);
      await untilOwnNameIsHome(context, member);
    }),
  );
  await Promise.all(members.map((member) => takeRouteAway(context, member)));
  // New requests go by the service's own name from here on; those under way end where they began.
  await drainSideHosts(context);
  await Promise.all(
    members.map(async (member) => {
      const removed = await removeSideHosts(context, member);
      tell(context, 'complete', 'progress', `${removed} objects removed from ${member.name}`, {
        cluster: member.name,
        removed,
      });
    }),
  );
  traffic.restart();
  await journal.record({
    phase: 'Completed',
    intent: null,
    agreed: null,
    idleProvenAt: null,
    completedAt: new Date(context.clock.now()).toISOString(),
  });
  tell(
    context,
    'complete',
    'done',
    `${serviceHost(migration)} is served by Kubernetes under its own name in every cluster`,
  );
}

async function untilOwnNameIsHome(context: EngineContext, member: MemberCluster): Promise<void> {
  const { migration } = context;
  const host = serviceHost(migration);
  const { proxies } = await untilEndpointsKnown(context, member, {
    host,
    what: `the pods behind ${host}`,
    problem: (endpoints) => {
      if (!endpoints.some((it) => it.healthy))
        return 'it has no healthy endpoint under the service’s own name';
      const vm = endpoints.find((it) => isVmEndpoint(migration, it.address));
      return vm ? `it still has the VM ${vm.address} under the service’s own name` : null;
    },
    deadlineMs: migration.spec.deadlines.ready,
    progress: (why) => tell(context, 'wait', 'progress', `waiting for ${member.name}: ${why}`),
  });
  tell(
    context,
    'complete',
    'progress',
    `${proxies} proxies in ${member.name} have the pods under the service's own name`,
  );
}

async function takeRouteAway(context: EngineContext, member: MemberCluster): Promise<void> {
  const { clock, migration } = context;
  const before = await syncBaseline(context, member);
  const writtenAt = clock.now();
  const removed = await removeRoute(context, member);
  if (!removed) return;
  const own = ownHosts(migration);
  const served = await untilRoutesServed(context, member, before, {
    what: 'the service without a split',
    served: (routes) =>
      routes.every(
        (route) =>
          generationOfRoute(route.name) === null && route.destinations.every(({ host }) => !own.has(host)),
      ),
    writtenAt,
    deadlineMs: migration.spec.deadlines.agree,
  });
  tell(
    context,
    'complete',
    'progress',
    `${served.proxies.acknowledged} proxies in ${member.name} dropped the split after ${served.acknowledgedMs} ms`,
    {
      cluster: member.name,
      acknowledgedMs: served.acknowledgedMs,
    },
  );
}
