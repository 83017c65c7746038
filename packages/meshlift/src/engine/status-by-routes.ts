import type { MeshliftError } from '../errors/error.ts';
import { type MigrationStatus, plannedStatus } from '../migration/status.ts';
import type { EngineContext } from './context.ts';
import { memberRoutes } from './observe.ts';

/**
 * What can be known of a migration while its home cluster does not answer: that traffic is split, and by which write, from
 * the routes in the other members. Rejects with `unreachable` when none of them has one: then nothing tells whether the
 * migration has begun, or is completed.
 */
export async function statusByRoutes(
  context: EngineContext,
  unreachable: MeshliftError,
): Promise<MigrationStatus> {
  const routes = Object.values(await memberRoutes(context)).flatMap((member) =>
    member.reachable && member.route.found === 'ours' ? [member.route] : [],
  );
  if (routes.length === 0) throw unreachable;
  const generation = Math.max(...routes.map((route) => route.generation));
  return { ...plannedStatus, phase: 'Shifting', generation };
}
