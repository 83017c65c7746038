import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { generationOfRoute } from '../mesh/names.ts';
import { inspect, readSync } from './routes-served.ts';
import { splitCarrier } from './service-routes.ts';

/** How many of a member's calling proxies have one write of the split in their own configuration, at one moment. */
export interface ServingNow {
  readonly acknowledged: number;
  readonly total: number;
  /** one that does not have it yet */
  readonly waitingFor: string | null;
}

/**
 * Watches which calling proxies of a member serve a write of the split, by what each has in its own configuration. A
 * proxy is read again only while it was not seen to serve the write that is asked for, so that looking every second
 * costs little. TCP routes carry no name: there, a proxy counts when it acknowledged what istiod sent it last.
 */
export function servingWatch(
  context: EngineContext,
  member: MemberCluster,
): (generation: number) => Promise<ServingNow> {
  const served = new Map<string, number>();
  let notCalling = new Set<string>();
  let asked: number | null = null;
  const tcp = context.migration.spec.service.protocol === 'tcp';
  const carrier = splitCarrier(context.migration);
  return async (generation) => {
    // Who had no route then may have one in the next write.
    if (generation !== asked) notCalling = new Set();
    asked = generation;
    const proxies = (await readSync(context, member)).filter(({ id }) => !notCalling.has(id));
    const open = proxies.filter(({ id }) => served.get(id) !== generation);
    for (const { proxy, answer } of await inspect(context, member, open)) {
      if (typeof answer === 'string') notCalling.add(proxy.id);
      else if (
        tcp
          ? proxy.sent[carrier] === proxy.acked[carrier]
          : answer.some(({ name }) => generationOfRoute(name) === generation)
      )
        served.set(proxy.id, generation);
    }
    const calling = proxies.filter(({ id }) => !notCalling.has(id));
    const missing = calling.filter(({ id }) => served.get(id) !== generation);
    return {
      acknowledged: calling.length - missing.length,
      total: calling.length,
      waitingFor: missing[0]?.id ?? null,
    };
  };
}
