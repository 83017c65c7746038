import * as z from 'zod';

/**
 * The report of a migration as data: what `report -o json` writes, what the terminal and the HTML page draw.
 * Published (docs/reference/report.schema.json is generated from here): fields are added, never renamed or given another meaning,
 * as long as `apiVersion` stays.
 */
export const reportVersion = 'meshlift.dev/v1alpha1';

const count = z.int().min(0);
const milliseconds = z.number().min(0);
const time = z.iso.datetime();

const protocol = z.enum(['grpc', 'http', 'tcp']);
const split = z.strictObject({ vm: z.int().min(0).max(100), k8s: z.int().min(0).max(100) }).meta({
  description: 'percent of requests per side; both always sum to 100',
});

const cause = z.strictObject({
  count,
  responseCode: z.int().nullable().meta({ description: 'HTTP status; 0 when there was none; null for TCP' }),
  grpcStatus: z.int().nullable().meta({ description: 'null where the proxy did not see one' }),
  flags: z.string().meta({ description: "Envoy's response flags, such as `UF,URX`; empty without any" }),
  meaning: z.string().meta({ description: 'the same in words' }),
});

const caller = z.strictObject({
  cluster: z.string(),
  namespace: z.string(),
  workload: z.string(),
  requests: count,
  failed: count,
  causes: z.array(cause).meta({ description: 'of the failed requests, most frequent first' }),
});

const side = z.strictObject({
  requests: count.meta({ description: 'requests that the split sent to this side' }),
  failed: count,
  caught: count.meta({
    description:
      'of its requests, those that the safety net had the other side answer: failures of this side',
  }),
  caughtHow: z
    .strictObject({
      retried: count.meta({ description: 'the side failed them, and the other one was tried after it' }),
      rerouted: count.meta({ description: 'no endpoint of the side was fit to be tried' }),
      untold: count.meta({ description: 'by proxies that do not count their attempts' }),
    })
    .nullable()
    .meta({ description: 'the same by how they were caught; null where the record does not say' }),
  p50Ms: milliseconds.nullable(),
  p99Ms: milliseconds.nullable(),
});

const seen = z
  .strictObject({
    requests: count,
    k8s: count,
    k8sPercent: z.number().min(0).max(100).nullable(),
    interval: z.tuple([z.number(), z.number()]).nullable().meta({ description: '95 % interval, in percent' }),
  })
  .meta({ description: "the share that callers really saw, from their own proxies' counters" });

const clusterSplit = z.strictObject({
  cluster: z.string(),
  writtenMs: milliseconds.nullable().meta({ description: 'until the API server had stored it' }),
  acknowledgedMs: milliseconds.nullable().meta({ description: 'until every calling proxy served it' }),
  proxies: z.strictObject({ acknowledged: count, total: count, slowest: z.string().nullable() }),
  seen: seen.nullable(),
});

const splitStep = z.strictObject({
  generation: z.int().min(1).meta({ description: 'number of the write; the routes carry it' }),
  split,
  reason: z.string(),
  at: time,
  by: z.string().nullable().meta({ description: 'who ran the command; null where the record does not say' }),
  outcome: z
    .enum(['agreed', 'returned'])
    .meta({ description: 'agreed: every cluster was verified to serve it; returned: not all took it' }),
  failure: z.string().nullable().meta({ description: 'why it was not agreed; null when it was' }),
  skewMs: milliseconds
    .nullable()
    .meta({ description: 'between the first and the last cluster whose proxies all served it' }),
  stillRunning: z
    .strictObject({ side: z.enum(['vm', 'k8s']), running: count, unread: count })
    .optional()
    .meta({
      description:
        'what began before and ran on, on the side that this split left nothing; unread: callers that could not be asked',
    }),
  clusters: z.array(clusterSplit),
});

const verdict = z.strictObject({
  at: time,
  split,
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'error']),
  because: z.string(),
  sides: z.strictObject({ vm: verdictSide(), k8s: verdictSide() }),
});

export const reportSchema = z
  .strictObject({
    apiVersion: z.literal(reportVersion),
    kind: z.literal('MigrationReport'),
    migration: z.strictObject({
      name: z.string(),
      namespace: z.string(),
      service: z.strictObject({
        name: z.string(),
        port: z.int(),
        protocol,
        morePorts: z.array(z.strictObject({ port: z.int(), protocol })),
      }),
      vm: z.strictObject({ hosts: z.array(z.string()) }),
      clusters: z.array(z.strictObject({ name: z.string(), home: z.boolean(), target: z.boolean() })),
      topology: z.string(),
      retries: z.enum(['safe', 'idempotent', 'off']),
      gate: z.strictObject({
        minRequests: count,
        maxErrorRate: z.number(),
        maxErrorRateOverVm: z.number(),
        p99OverVm: z.number(),
      }),
    }),
    phase: z.string(),
    outcome: z.strictObject({
      state: z.enum(['Progressing', 'Held', 'RolledBack', 'Failed']),
      reason: z.string(),
      next: z.string().meta({ description: 'the command that goes on' }),
      at: time.nullable(),
    }),
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    retiredAt: time.nullable(),
    durationSeconds: z
      .number()
      .min(0)
      .meta({ description: 'from the first command to the last thing recorded' }),
    split: split
      .nullable()
      .meta({ description: 'agreed by every cluster now; null before, and once completed' }),
    requests: z.strictObject({
      total: count.meta({ description: "every request, as counted by the callers' own proxies" }),
      failed: count,
      caught: count.meta({ description: 'answered by the other side, thanks to the safety net' }),
      since: time.nullable(),
      until: time.nullable(),
      unread: count.meta({
        description:
          'moments at which a caller could not be read: its requests were counted later, or are missing',
      }),
      callers: z.array(caller).meta({ description: 'most requests first' }),
    }),
    sides: z.strictObject({ vm: side, k8s: side }),
    splits: z
      .array(splitStep)
      .meta({ description: 'every split that was tried, oldest first; of very many, the latest' }),
    timings: z.strictObject({
      acknowledged: spread().meta({
        description: 'write to last proxy, over all clusters of all agreed splits',
      }),
      skew: spread().meta({ description: 'between clusters, over all agreed splits' }),
    }),
    verdicts: z.array(verdict).meta({ description: "the gate's, oldest first" }),
    history: z
      .array(
        z.strictObject({
          at: time,
          by: z.string().meta({ description: 'who ran the command, as `user@host`' }),
          what: z.string().meta({ description: 'command, act, phase, paused, …' }),
          message: z.string(),
        }),
      )
      .meta({ description: 'who did what and when, oldest first' }),
  })
  .meta({ title: 'Meshlift migration report' });

export type Report = z.infer<typeof reportSchema>;
export type SplitStep = Report['splits'][number];
export type ClusterSplit = SplitStep['clusters'][number];
export type CallerReport = Report['requests']['callers'][number];
export type Cause = CallerReport['causes'][number];
export type VerdictReport = Report['verdicts'][number];

function verdictSide() {
  return z.strictObject({
    requests: count,
    failed: count,
    caught: count
      .optional()
      .meta({ description: 'failures of this side that the net hid; absent in older records' }),
    p99Ms: milliseconds.nullable(),
  });
}

function spread() {
  return z.strictObject({ medianMs: milliseconds.nullable(), maxMs: milliseconds.nullable() });
}
