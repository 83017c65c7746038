import * as z from 'zod';
import type { LiveView } from '../../engine/live-view.ts';
import type { Decision } from '../../migration/decision.ts';
import { type Phase, phases } from '../../migration/phase.ts';
import type { Migration } from '../../spec/migration.ts';

const time = z.iso.datetime();
const count = z.int().min(0);
const split = z.strictObject({ vm: z.int().min(0).max(100), k8s: z.int().min(0).max(100) });
const written = z.strictObject({ split, generation: z.int().min(0) });
const unknown = z.strictObject({ unknown: z.string().meta({ description: 'why it is not known' }) });

const health = z.strictObject({
  is: z.enum(['healthy', 'unhealthy', 'absent', 'unknown']),
  why: z.string().nullable(),
});

const side = z.strictObject({
  health,
  requestsPerSecond: z.number().nullable().meta({ description: 'of the last ten seconds' }),
  requests: count.meta({ description: 'since the split was agreed, at most the last minute' }),
  failed: count,
  caught: count.meta({ description: 'of its requests, those that the safety net had the other side answer' }),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});

/**
 * What `meshlift status -o json` writes (with `-w`, one a line). Published: fields are added, never renamed or given
 * another meaning, as long as `apiVersion` stays.
 */
export const statusSchema = z
  .strictObject({
    apiVersion: z.literal('meshlift.dev/v1alpha1'),
    kind: z.literal('MigrationStatus'),
    at: time,
    name: z.string(),
    namespace: z.string(),
    phase: z.enum(Object.keys(phases) as [Phase, ...Phase[]]),
    outcome: z.strictObject({
      state: z.enum(['Progressing', 'Held', 'RolledBack', 'Failed']),
      reason: z.string(),
      next: z.string().meta({ description: 'the command that goes on' }),
    }),
    paused: z.strictObject({ at: time, by: z.string(), reason: z.string().nullable() }).nullable(),
    owner: z.string().nullable().meta({ description: 'the engine that drives it now; null when none does' }),
    agreed: z
      .strictObject({ split, generation: z.int(), at: time })
      .nullable()
      .meta({ description: 'the last split that every member cluster was verified to serve' }),
    requests: z
      .strictObject({
        total: count,
        failed: count,
        caught: z.strictObject({ vm: count, k8s: count }).meta({
          description: 'by the side that the route chose and that failed them; the other one answered',
        }),
      })
      .nullable()
      .meta({ description: 'on record since the first agreed split' }),
    clusters: z.array(
      z.strictObject({
        name: z.string(),
        wanted: written.nullable(),
        written: z.union([
          z.strictObject({ found: z.enum(['none', 'edited']) }),
          z.strictObject({ found: z.literal('ours'), split, generation: z.int() }),
          unknown,
        ]),
        acknowledged: z
          .union([
            z.strictObject({ acknowledged: count, total: count, waitingFor: z.string().nullable() }),
            unknown,
          ])
          .nullable()
          .meta({ description: 'calling proxies that have the wanted write in their own configuration' }),
        seen: z.union([
          z.strictObject({
            requests: count,
            k8s: count,
            k8sPercent: z.number().nullable(),
            interval: z.tuple([z.number(), z.number()]).nullable().meta({ description: '95 %, in percent' }),
          }),
          unknown,
        ]),
      }),
    ),
    sides: z.strictObject({ vm: side, k8s: side }),
    stillRunning: z
      .strictObject({ side: z.enum(['vm', 'k8s']), running: count, unread: count })
      .nullable()
      .meta({
        description:
          'begun before the last split and run on, on the side that it left nothing; unread: callers that could not be asked',
      }),
    next: z.strictObject({
      kind: z.enum(['act', 'record', 'wait', 'stop']),
      because: z.string(),
      until: time.nullable().meta({ description: 'when time alone decides' }),
    }),
  })
  .meta({ title: 'Meshlift migration status' });

export type StatusDocument = z.infer<typeof statusSchema>;

export function statusDocument({ metadata }: Migration, view: LiveView): StatusDocument {
  const { agreed, outcome, paused, phase, splits, traffic } = view.status;
  const sideOf = ({ health: it, ...rest }: LiveView['sides']['vm']) => ({
    health: { is: it.is, why: 'why' in it ? it.why : null },
    ...rest,
  });
  return {
    apiVersion: 'meshlift.dev/v1alpha1',
    kind: 'MigrationStatus',
    at: view.at,
    ...metadata,
    phase,
    outcome: { state: outcome.state, reason: outcome.reason, next: outcome.next },
    paused,
    owner: view.owner,
    agreed,
    requests: traffic && {
      total: traffic.requests,
      failed: traffic.failed,
      caught: { vm: traffic.sides.vm.caught, k8s: traffic.sides.k8s.caught },
    },
    clusters: view.members.map(({ acknowledged, cluster, seen, wanted, written: found }) => ({
      name: cluster,
      wanted,
      written: found.reachable ? found.route : { unknown: found.why },
      acknowledged,
      seen:
        'unknown' in seen
          ? seen
          : { ...seen, interval: seen.interval && [seen.interval[0], seen.interval[1]] },
    })),
    sides: { vm: sideOf(view.sides.vm), k8s: sideOf(view.sides.k8s) },
    stillRunning: splits.at(-1)?.stillRunning ?? null,
    next: { kind: view.next.kind, because: view.next.because, until: until(view.next) },
  };
}

function until(next: Decision): string | null {
  return next.kind === 'wait' && next.until !== null ? new Date(next.until).toISOString() : null;
}
