import * as z from 'zod';
import { parseDuration } from './duration.ts';

/**
 * The Migration object as users write it in `migration.yaml`. Strict everywhere: an unknown key is an error, since a
 * misspelt gate is a gate that is not there.
 */
export const apiVersion = 'meshlift.dev/v1alpha1';

const dnsLabel = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'lower-case letters, digits and dashes, such as productcatalog');

const duration = z
  .string('a duration such as 500ms, 30s or 5m')
  .refine((text) => parseDuration(text) !== null, 'a duration such as 500ms, 30s or 5m')
  .transform((text) => parseDuration(text) ?? 0);

/** For what is waited between two looks, or watched: none at all would be a busy loop, or prove nothing. */
function durationFrom(least: string) {
  return duration.refine((ms) => ms >= (parseDuration(least) ?? 0), `a duration of ${least} or more`);
}

const percentage = z
  .string('a percentage such as "1%" or "0.5%"')
  .regex(/^\d+(\.\d+)?%$/, 'a percentage such as 1% or 0.5%')
  .transform((text) => Number(text.slice(0, -1)) / 100)
  .refine((rate) => rate <= 1, 'a percentage from 0% to 100%');

const ip = z.union([z.ipv4(), z.ipv6()], 'an IP address such as 10.0.0.5');

const port = z.int().min(1).max(65_535);

const protocol = z.enum(['grpc', 'http', 'tcp']);

interface ServicePort {
  readonly port: number;
  readonly protocol: z.infer<typeof protocol>;
}

function portsOfService(service: ServicePort & { readonly morePorts: readonly ServicePort[] }) {
  return [{ port: service.port, protocol: service.protocol }, ...service.morePorts];
}

const probe = z
  .strictObject({
    grpc: z.strictObject({ port, service: z.string().optional() }).optional(),
    httpGet: z.strictObject({ port, path: z.string().startsWith('/').default('/') }).optional(),
    tcpSocket: z.strictObject({ port }).optional(),
    periodSeconds: z.int().min(1).default(2),
    /** generous on purpose: a machine that is busy for a second has not failed, and one VM has no substitute yet */
    timeoutSeconds: z.int().min(1).default(3),
    failureThreshold: z.int().min(1).default(3),
  })
  .refine(
    (it) => [it.grpc, it.httpGet, it.tcpSocket].filter(Boolean).length === 1,
    'exactly one of grpc, httpGet, tcpSocket',
  );

const predecessor = z.union(
  [
    dnsLabel.transform((name) => ({ name, namespace: undefined, phase: 'Completed' as const })),
    z.strictObject({
      name: dnsLabel,
      /** by default this migration's own */
      namespace: dnsLabel.optional(),
      phase: z
        .enum(['Joined', 'Deployed', 'Shifting', 'Shifted', 'Completed', 'Retired'])
        .default('Completed'),
    }),
  ],
  'the name of a migration, or {name: cart, namespace: shop, phase: Shifted}',
);

const ssh = z.strictObject({
  /** where ssh connects, when that is not the VM's `host` */
  host: z.string().optional(),
  user: z.string().optional(),
  port: port.optional(),
  identityFile: z.string().optional(),
  knownHostsFile: z.string().optional(),
  configFile: z.string().optional(),
});

const cluster = z.strictObject({
  name: dnsLabel,
  context: z.string().min(1),
  kubeconfig: z.string().optional(),
  home: z.boolean().default(false),
  target: z.boolean().default(false),
});

const gate = z.strictObject({
  /** requests that the k8s side must have answered before a verdict other than inconclusive */
  minRequests: z.int().min(1).default(200),
  maxErrorRate: percentage.prefault('1%'),
  maxErrorRateOverVm: percentage.prefault('0.5%'),
  /** the k8s side's p99 may be this many times the vm side's in the same window */
  p99OverVm: z.number().min(1).default(1.5),
  /** differences of p99 below this are noise, whatever their ratio */
  p99Tolerance: duration.prefault('25ms'),
  /** the k8s side's p99 may not exceed this, whatever the vm side's is; absent: no such limit */
  maxP99: durationFrom('1ms').optional(),
  interval: durationFrom('100ms').prefault('2s'),
  /** failed verdicts in a row before the gate acts */
  failures: z.int().min(1).default(2),
});

const prometheusServer = z
  .strictObject({
    /** its root, such as https://prometheus.example.org */
    url: z.url({ protocol: /^https?$/, error: 'an http or https URL' }).optional(),
    bearerTokenFile: z.string().min(1).optional(),
    caFile: z.string().min(1).optional(),
    /** instead of a URL: a Service, reached through the API server of each cluster that it serves */
    service: z.strictObject({ namespace: dnsLabel, name: dnsLabel, port }).optional(),
    /** member clusters whose callers it has the metrics of; absent: all */
    clusters: z.array(dnsLabel).min(1).optional(),
    /** the label that tells the cluster, where it has several clusters' metrics */
    clusterLabel: z.string().min(1).default('source_cluster'),
  })
  .refine((it) => (it.url === undefined) !== (it.service === undefined), 'exactly one of url, service')
  .refine(
    (it) => it.url !== undefined || (it.bearerTokenFile === undefined && it.caFile === undefined),
    'a url: the API server lets no token through to a service',
  );

const prometheus = z.strictObject({ servers: z.array(prometheusServer).min(1) });

const userGate = z
  .strictObject({
    name: dnsLabel,
    /** every value of the expression must lie within the limits */
    prometheus: z
      .strictObject({
        query: z.string().min(1),
        min: z.number().optional(),
        max: z.number().optional(),
        /** absent: the first of metrics.prometheus.servers */
        server: prometheusServer.optional(),
      })
      .refine(({ min, max }) => min !== undefined || max !== undefined, 'min, max or both')
      .optional(),
    /** a POST with the situation as JSON: 2xx passes, 4xx fails */
    webhook: z
      .strictObject({
        url: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
        timeout: durationFrom('100ms').prefault('10s'),
        /** headers with secret values: each the content of a file */
        headersFrom: z
          .array(z.strictObject({ name: z.string().min(1), file: z.string().min(1) }))
          .default([]),
      })
      .optional(),
    /** exit code 0 passes, 1 fails, 75 is inconclusive */
    command: z
      .strictObject({
        argv: z.array(z.string()).min(1),
        timeout: durationFrom('100ms').prefault('30s'),
      })
      .optional(),
  })
  .refine(
    (it) => [it.prometheus, it.webhook, it.command].filter(Boolean).length === 1,
    'exactly one of prometheus, webhook, command',
  );

const steps = z
  .array(z.int().min(1).max(100))
  .min(1)
  .refine(
    (list) => list.every((step, i) => i === 0 || step > (list[i - 1] ?? 0)),
    'rising percentages, such as [1, 5, 20, 50, 100]',
  )
  .refine((list) => (list.at(-1) ?? 100) === 100, 'a last step of 100, such as [1, 5, 20, 50, 100]');

/** What a DNS label may have; the names of both sides, `name-vm` and `name-suffix`, are labels of hosts. */
const longestLabel = 63;

export const migrationSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Migration'),
  metadata: z.strictObject({ name: dnsLabel, namespace: dnsLabel.default('default') }),
  spec: z
    .strictObject({
      service: z
        .strictObject({
          name: dnsLabel,
          port,
          protocol,
          /** further ports of the same program, which move with the first: one split, one verdict over all */
          morePorts: z.array(z.strictObject({ port, protocol })).default([]),
        })
        .refine(
          (it) => new Set(portsOfService(it).map((its) => its.port)).size === portsOfService(it).length,
          {
            path: ['morePorts'],
            message: 'ports that are not there already',
          },
        )
        .refine((it) => new Set(portsOfService(it).map((its) => its.protocol === 'tcp')).size === 1, {
          path: ['morePorts'],
          message:
            'ports of one kind: weights of tcp count connections, those of grpc and http requests; all tcp, or none',
        }),
      clusters: z
        .array(cluster)
        .min(1)
        .max(4)
        .refine((list) => list.filter((it) => it.home).length === 1, 'home: true on exactly one cluster')
        .refine((list) => list.filter((it) => it.target).length === 1, 'target: true on exactly one cluster')
        .refine(
          (list) => new Set(list.map((it) => it.name)).size === list.length,
          'a different name for each cluster',
        )
        .refine(
          (list) => new Set(list.map((it) => `${it.kubeconfig ?? ''} ${it.context}`)).size === list.length,
          'a different context for each cluster: a cluster that is here twice would be written twice',
        ),
      /** how member clusters know what runs in another: by reading its API server, or only the way to its gateway */
      topology: z.enum(['endpoint-discovery', 'global-names']).default('endpoint-discovery'),
      istio: z
        .strictObject({
          namespace: dnsLabel.default('istio-system'),
          /** of the control plane that the VM joins; by default the one that serves the namespace in the home cluster */
          revision: dnsLabel.optional(),
          /** where the VM reaches istiod's port 15012, if not at the home cluster's east-west gateway */
          istiodAddress: ip.optional(),
          eastWestGateway: z
            .strictObject({
              namespace: dnsLabel.default('istio-system'),
              service: dnsLabel.default('istio-eastwestgateway'),
            })
            .prefault({}),
        })
        .prefault({}),
      vm: z
        .strictObject({
          /** the address under which the callers' proxies reach the VM */
          host: ip.optional(),
          /** the VMs, where the service has several: alike but for their addresses and what ssh needs for each */
          hosts: z
            .array(z.strictObject({ host: ip, ssh: ssh.prefault({}) }))
            .min(1)
            .optional(),
          ssh,
          serviceAccount: dnsLabel,
          /** the mesh's name for the VM's network; reached directly as long as no gateway serves it */
          network: z.string().default('vm-network'),
          probe,
          sidecar: z
            .strictObject({
              /** a file or https URL of Istio's sidecar package; by default Istio's own release for the mesh's version */
              package: z.string().optional(),
              sha256: z
                .string()
                .regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex')
                .optional(),
            })
            .prefault({}),
        })
        .refine(
          (vm) => (vm.host === undefined) !== (vm.hosts === undefined),
          'either host, or hosts with one entry for each VM',
        )
        .refine(({ hosts = [] }) => new Set(hosts.map(({ host }) => host)).size === hosts.length, {
          path: ['hosts'],
          message: 'a different host for each VM',
        })
        .refine(({ hosts, ssh }) => hosts === undefined || ssh.host === undefined, {
          path: ['ssh', 'host'],
          message: 'ssh.host in each entry of hosts: several VMs are not reached at one address',
        })
        .transform(({ host, hosts, ssh, ...alike }) => ({
          ...alike,
          /** each VM, with all that ssh needs for it */
          machines: (hosts ?? [{ host: host ?? '', ssh: {} }]).map((it) => ({
            host: it.host,
            ssh: { ...ssh, ...it.ssh },
          })),
        })),
      workload: z.strictObject({
        manifests: z.array(z.string().min(1)).min(1),
        suffix: dnsLabel
          .refine((it) => it !== 'vm', 'another suffix: vm names the side of the VM')
          .default('k8s'),
        /** whether `deploy` calls the copy through the mesh from every member before a customer does, and as whom */
        test: z
          .union(
            [z.literal('off'), z.strictObject({ serviceAccount: dnsLabel.default('default') })],
            'off, or {serviceAccount: NAME}: the identity of a caller that is let in',
          )
          .prefault({}),
      }),
      rollout: z
        .strictObject({
          steps: steps.default([1, 5, 20, 50, 100]),
          hold: duration.prefault('30s'),
          /** before the first step, the copy is sent requests of these methods a second time; nobody hears its answers */
          mirror: z
            .strictObject({
              /** of the requests that the methods match */
              percent: z.int().min(1).max(100).default(100),
              hold: duration.prefault('30s'),
              /** only such as change nothing: `/pkg.Service/Method` or `/path`, or the beginning of one with a star at its end */
              methods: z
                .array(
                  z
                    .string()
                    .regex(/^\/[^*\s]*\*?$/, 'a path such as /shop.Catalog/ListProducts or /products/*'),
                )
                .min(1),
            })
            .optional(),
          gate: gate.prefault({}),
          /** the user's own, all of which must pass as well */
          gates: z
            .array(userGate)
            .refine(
              (list) => new Set(list.map((it) => it.name)).size === list.length,
              'a different name for each gate',
            )
            .default([]),
          onFailure: z.enum(['rollback', 'hold']).default('rollback'),
          /** when the VM fails while both sides serve: all to a copy that has conclusively passed, or stay and wait */
          onVmFailure: z.enum(['forward', 'hold']).default('forward'),
        })
        .prefault({}),
      /** where the callers' proxies' counters are read */
      metrics: z
        .strictObject({
          source: z.enum(['proxies', 'prometheus']).default('proxies'),
          prometheus: prometheus.optional(),
        })
        .refine(
          ({ source, prometheus: it }) => source !== 'prometheus' || it !== undefined,
          'prometheus.servers, since source is prometheus',
        )
        .prefault({}),
      net: z.strictObject({ retries: z.enum(['safe', 'idempotent', 'off']).default('safe') }).prefault({}),
      deadlines: z
        .strictObject({
          /** for every cluster to take a split before all are returned to the last agreed one */
          agree: duration.prefault('30s'),
          /** for callers to be seen following it; too little traffic is reported, not waited for beyond this */
          observe: duration.prefault('20s'),
          /** for a VM or a copy to become healthy */
          ready: duration.prefault('3m'),
          // A run that waits longer than these holds: it stops with the reason, and the command that goes on.
          /** for the gate to see enough requests */
          traffic: duration.prefault('15m'),
          /** for metrics that are away to come back */
          metrics: duration.prefault('5m'),
          /** for a member cluster that does not answer to come back */
          reach: duration.prefault('10m'),
          /** for the migrations that this one comes after */
          after: duration.prefault('24h'),
        })
        .prefault({}),
      /** migrations that must have come this far before this one begins; looked up in the home cluster */
      after: z.array(predecessor).default([]),
      /** for requests, streams and connections that are under way when what carries them is to go */
      drain: z
        .strictObject({
          deadline: duration.prefault('5m'),
          /** what to do when they have not ended by then: wait for a person, or cut them */
          onDeadline: z.enum(['hold', 'proceed']).default('hold'),
        })
        .prefault({}),
      retire: z.strictObject({ idle: durationFrom('1s').prefault('1m') }).prefault({}),
    })
    .refine(
      ({ clusters, metrics }) =>
        metrics.source !== 'prometheus' ||
        metrics.prometheus === undefined ||
        clusters.every(({ name }) =>
          metrics.prometheus?.servers.some((it) => it.clusters === undefined || it.clusters.includes(name)),
        ),
      {
        path: ['metrics', 'prometheus', 'servers'],
        message: 'a server for every cluster: callers of one that nobody has the metrics of would not count',
      },
    )
    .refine(
      ({ metrics, rollout }) =>
        metrics.prometheus !== undefined ||
        rollout.gates.every((it) => !it.prometheus || it.prometheus.server !== undefined),
      {
        path: ['rollout', 'gates'],
        message:
          'a server for each gate that asks Prometheus: prometheus.server, or metrics.prometheus.servers',
      },
    )
    .refine(({ rollout, service }) => !rollout.mirror || service.protocol !== 'tcp', {
      path: ['rollout', 'mirror'],
      message: 'no mirror for protocol tcp: a connection has no methods to choose by',
    })
    .refine(
      ({ service, workload }) =>
        service.name.length > longestLabel ||
        service.name.length + 1 + Math.max(workload.suffix.length, 'vm'.length) <= longestLabel,
      {
        path: ['workload', 'suffix'],
        message: `a suffix that fits: the service's name, a dash and it are at most ${longestLabel} characters`,
      },
    ),
});

const wholeMigration = migrationSchema.refine(
  ({ metadata, spec }) =>
    spec.after.every(
      (it) => it.name !== metadata.name || (it.namespace ?? metadata.namespace) !== metadata.namespace,
    ),
  { path: ['spec', 'after'], message: "other migrations: one can't come after itself" },
);

export type Migration = z.infer<typeof migrationSchema>;
export type MigrationSpec = Migration['spec'];
export type Member = MigrationSpec['clusters'][number];
/** One of the VMs that the service runs on. */
export type Machine = MigrationSpec['vm']['machines'][number];
export type GateSpec = MigrationSpec['rollout']['gate'];
export type Topology = MigrationSpec['topology'];
export type UserGateSpec = z.infer<typeof userGate>;
export type PrometheusServerSpec = z.infer<typeof prometheusServer>;
/** So many of what a split divides, for messages: `1 request`, `20 connections`. */
export function countOf({ spec }: Migration, count: number): string {
  const one = spec.service.protocol === 'tcp' ? 'connection' : 'request';
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

export type Protocol = MigrationSpec['service']['protocol'];

/** One thing that is wrong with a migration file: where, what was there, what to write instead. */
export interface Problem {
  readonly path: string;
  readonly received: string;
  readonly expected: string;
}

export type ParsedMigration =
  | { readonly ok: true; readonly migration: Migration }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks a decoded YAML document against the schema and names every problem at once. */
export function parseMigration(document: unknown): ParsedMigration {
  const result = wholeMigration.safeParse(document);
  if (result.success) return { ok: true, migration: result.data };
  return { ok: false, problems: result.error.issues.flatMap((issue) => problemsOf(issue, document)) };
}

/** Every port of the service that is migrated, the first one first. */
export function portsOf({ spec }: Migration): readonly ServicePort[] {
  return portsOfService(spec.service);
}

export function homeOf(migration: Migration): Member {
  return only(migration, (member) => member.home, 'home');
}

export function targetOf(migration: Migration): Member {
  return only(migration, (member) => member.target, 'target');
}

function only(migration: Migration, is: (member: Member) => boolean, role: string): Member {
  const member = migration.spec.clusters.find(is);
  // The schema admits no migration without one, so this can only be a hand-made object.
  if (!member) throw new TypeError(`migration ${migration.metadata.name} has no ${role} cluster`);
  return member;
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: pathOf([...issue.path, key]),
      received: show(valueAt(document, [...issue.path, key])),
      expected: 'no such key: remove it, or correct its spelling',
    }));
  }
  const value = valueAt(document, issue.path);
  return [{ path: pathOf(issue.path), received: show(value), expected: expectation(issue) }];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      // Zod's own sentence names a type; one of ours says what to write.
      return issue.message.startsWith('Invalid input') ? `a value of type ${issue.expected}` : issue.message;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value !== null && typeof value === 'object' ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    document,
  );
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(the document)';
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

const longestShown = 100;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`;
}
