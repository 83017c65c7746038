import { until } from '../effects/clock/until.ts';
import type { EngineContext } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import { copyHealth } from '../engine/observe.ts';
import { isWorkload, markedCopy } from '../mesh/copy.ts';
import { sideHost } from '../mesh/names.ts';
import { isVmEndpoint } from '../mesh/vm-workload.ts';
import { untilEndpointsKnown } from '../verification/endpoints-known.ts';
import { ensureFarCopy, ensureSideHosts } from './side-hosts.ts';
import { testCopy } from './test-copy.ts';

/**
 * Deploys the copy into the target cluster and makes it known to every member's proxies. The split's route stands
 * since the VM joined, so the copy gets no request until a split gives it some; before that, a caller of ours in every
 * member asks it through the mesh.
 */
export async function deployWorkload(context: EngineContext, journal: Journal): Promise<void> {
  const { clock, manifests, members, migration, signal, target } = context;
  for (const object of markedCopy(migration, manifests)) {
    await target.kube.apply(object, { signal });
    tell(context, 'workload', 'progress', `${object.kind} ${object.metadata.name} applied in ${target.name}`);
  }
  const workloads = manifests.filter(isWorkload).map((it) => `${it.kind} ${it.metadata.name}`);
  const started = clock.now();
  await until(
    clock,
    {
      for: `${workloads.join(', ')} in ${target.name} to be ready`,
      deadlineMs: migration.spec.deadlines.ready,
      intervalMs: 200,
      next: `kubectl --context ${target.member.context} -n ${migration.metadata.namespace} get pods,events`,
      signal,
      progress: (why, waitedMs) =>
        tell(context, 'wait', 'progress', `waiting for the copy: ${why}`, { waitedMs }),
    },
    async () => {
      const health = await copyHealth(context);
      if (health.is === 'healthy') return { ready: true, value: true };
      return { ready: false, why: health.is === 'absent' ? 'it is not there yet' : health.why };
    },
  );
  tell(
    context,
    'workload',
    'progress',
    `the copy is ready in ${target.name} after ${clock.now() - started} ms`,
  );

  const host = sideHost(migration, 'k8s');
  await Promise.all(
    members.map(async (member) => {
      await Promise.all([ensureSideHosts(context, member, 'present'), ensureFarCopy(context, member)]);
      const { proxies } = await untilEndpointsKnown(context, member, {
        host,
        what: `the copy behind ${host}`,
        problem: (endpoints) =>
          endpoints.some((it) => it.healthy && !isVmEndpoint(migration, it.address))
            ? null
            : 'it has no healthy endpoint of the copy yet',
        deadlineMs: migration.spec.deadlines.ready,
        progress: (why) => tell(context, 'wait', 'progress', `waiting for ${member.name}: ${why}`),
      });
      tell(context, 'side-hosts', 'progress', `${proxies} proxies in ${member.name} know the copy`, {
        cluster: member.name,
      });
    }),
  );
  await testCopy(context);
  await journal.record({ phase: 'Deployed' });
}
