import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { homeOf, type Migration, type Problem, parseMigration, portsOf, targetOf } from './migration.ts';

type Tree = { [key: string]: unknown };

const text = readFileSync(new URL('testdata/productcatalog.migration.yaml', import.meta.url), 'utf8');

/** The smallest migration file, with values put in at paths such as `spec.clusters[0].name`; undefined removes. */
function document(changes: Record<string, unknown> = {}): Tree {
  const tree = parse(text) as Tree;
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(/[.[\]]+/).filter(Boolean);
    const last = keys.pop() ?? '';
    const parent = keys.reduce<Tree>((it, key) => {
      it[key] ??= {};
      return it[key] as Tree;
    }, tree);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  }
  return tree;
}

function parsed(changes: Record<string, unknown>): Migration {
  const result = parseMigration(document(changes));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.migration;
}

function problems(changes: Record<string, unknown>): readonly Problem[] {
  const parsed = parseMigration(document(changes));
  return parsed.ok ? [] : parsed.problems;
}

function accepted(changes: Record<string, unknown> = {}) {
  const parsed = parseMigration(document(changes));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.migration;
}

test('what the smallest file leaves out gets its default', () => {
  const { metadata, spec } = accepted();
  expect(metadata.namespace).toBe('default');
  expect(spec.topology).toBe('endpoint-discovery');
  expect(spec.rollout).toEqual({
    gates: [],
    steps: [1, 5, 20, 50, 100],
    hold: 30_000,
    gate: {
      minRequests: 200,
      maxErrorRate: 0.01,
      maxErrorRateOverVm: 0.005,
      p99OverVm: 1.5,
      p99Tolerance: 25,
      interval: 2_000,
      failures: 2,
    },
    onFailure: 'rollback',
    onVmFailure: 'forward',
  });
  expect(spec.net.retries).toBe('safe');
  expect(spec.deadlines).toEqual({
    agree: 30_000,
    observe: 20_000,
    ready: 180_000,
    traffic: 900_000,
    metrics: 300_000,
    reach: 600_000,
    after: 86_400_000,
  });
  expect(spec.retire.idle).toBe(60_000);
  expect(spec.istio).toEqual({
    namespace: 'istio-system',
    eastWestGateway: { namespace: 'istio-system', service: 'istio-eastwestgateway' },
  });
  expect(spec.vm.probe).toMatchObject({ periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 3 });
});

test('the suffix of the copy is k8s where the file has none', () => {
  expect(accepted({ 'spec.workload.suffix': undefined }).spec.workload.suffix).toBe('k8s');
});

test('the home and the target are found by their role', () => {
  const migration = accepted();
  expect(homeOf(migration).name).toBe('cluster1');
  expect(targetOf(migration).name).toBe('cluster2');
});

test('every problem is told at once, each with its path, what was there, and what to write', () => {
  expect(
    problems({
      kind: 'Migrations',
      'spec.service.port': '3550',
      'spec.clusters[0].context': '',
      'spec.vm.serviceAccount': undefined,
      'spec.rollout.hold': '30 seconds',
      'spec.rollout.gate.maxErrorRate': 0.01,
      'spec.rollout.gat': {},
    }),
  ).toEqual(
    expect.arrayContaining([
      { path: 'kind', received: '"Migrations"', expected: 'one of Migration' },
      { path: 'spec.service.port', received: '"3550"', expected: 'a value of type number' },
      { path: 'spec.clusters[0].context', received: '""', expected: 'at least 1 characters' },
      { path: 'spec.vm.serviceAccount', received: 'nothing', expected: 'a value of type string' },
      {
        path: 'spec.rollout.hold',
        received: '"30 seconds"',
        expected: 'a duration such as 500ms, 30s or 5m',
      },
      {
        path: 'spec.rollout.gate.maxErrorRate',
        received: '0.01',
        expected: 'a percentage such as "1%" or "0.5%"',
      },
      {
        path: 'spec.rollout.gat',
        received: '{}',
        expected: 'no such key: remove it, or correct its spelling',
      },
    ]),
  );
});

test('there are exactly as many problems as mistakes', () => {
  expect(
    problems({ 'spec.service.port': 0, 'spec.vm.host': 'vm.example', 'spec.net.retries': 'all' }),
  ).toHaveLength(3);
});

const levels = [
  '',
  'metadata.',
  'spec.',
  'spec.service.',
  'spec.clusters[0].',
  'spec.istio.',
  'spec.istio.eastWestGateway.',
  'spec.vm.',
  'spec.vm.ssh.',
  'spec.vm.probe.',
  'spec.vm.probe.grpc.',
  'spec.vm.sidecar.',
  'spec.workload.',
  'spec.rollout.',
  'spec.rollout.gate.',
  'spec.net.',
  'spec.deadlines.',
  'spec.retire.',
];

test.each(levels)('a misspelt key is refused at %j', (level) => {
  expect(problems({ [`${level}misspelt`]: 1 })).toEqual([
    { path: `${level}misspelt`, received: '1', expected: 'no such key: remove it, or correct its spelling' },
  ]);
});

describe('several ports', () => {
  const more = (morePorts: unknown) => ({ 'spec.service.morePorts': morePorts });

  test('are the first one and what moves with it', () => {
    expect(portsOf(parsed(more([{ port: 8080, protocol: 'http' }])))).toEqual([
      { port: 3550, protocol: 'grpc' },
      { port: 8080, protocol: 'http' },
    ]);
    expect(portsOf(parsed({}))).toEqual([{ port: 3550, protocol: 'grpc' }]);
  });

  test.each<[string, unknown, RegExp]>([
    ['the same port twice', [{ port: 3550, protocol: 'http' }], /not there already/],
    ['connections beside requests', [{ port: 8080, protocol: 'tcp' }], /all tcp, or none/],
  ])('%s: refused', (_name, morePorts, expected) => {
    const found = problems(more(morePorts));
    expect(found.map(({ path }) => path)).toEqual(['spec.service.morePorts']);
    expect(found[0]?.expected).toMatch(expected);
  });
});

describe('the VMs', () => {
  const two = [{ host: '10.0.0.5' }, { host: '10.0.0.6', ssh: { host: 'vm-b', port: 2222 } }];

  test('one is written as a host, and is a machine with what ssh needs', () => {
    expect(parsed({}).spec.vm.machines).toEqual([{ host: '10.10.100.10', ssh: { user: 'admin' } }]);
  });

  test('of several, each has what all have for ssh, and what it has for itself', () => {
    expect(parsed({ 'spec.vm.host': undefined, 'spec.vm.hosts': two }).spec.vm.machines).toEqual([
      { host: '10.0.0.5', ssh: { user: 'admin' } },
      { host: '10.0.0.6', ssh: { user: 'admin', host: 'vm-b', port: 2222 } },
    ]);
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ['both', { 'spec.vm.hosts': two }, 'spec.vm', /either host, or hosts/],
    ['neither', { 'spec.vm.host': undefined }, 'spec.vm', /either host, or hosts/],
    [
      'one VM twice',
      { 'spec.vm.host': undefined, 'spec.vm.hosts': [two[0], two[0]] },
      'spec.vm.hosts',
      /a different host for each VM/,
    ],
    [
      'one address to log in for all',
      { 'spec.vm.host': undefined, 'spec.vm.hosts': two, 'spec.vm.ssh.host': 'bastion' },
      'spec.vm.ssh.host',
      /in each entry of hosts/,
    ],
  ])('%s: refused', (_name, changes, path, expected) => {
    const found = problems(changes);
    expect(found.map((it) => it.path)).toEqual([path]);
    expect(found[0]?.expected).toMatch(expected);
  });
});

test('a migration comes after others by name, completed by default, and never after itself', () => {
  const { after } = parsed({
    'spec.after': ['cart', { name: 'pay', namespace: 'money', phase: 'Shifted' }],
  }).spec;
  expect(after).toEqual([
    { name: 'cart', phase: 'Completed' },
    { name: 'pay', namespace: 'money', phase: 'Shifted' },
  ]);
  expect(problems({ 'spec.after': ['productcatalog'] })).toEqual([
    { path: 'spec.after', received: '["productcatalog"]', expected: expect.stringContaining('itself') },
  ]);
  expect(problems({ 'spec.after': [{ name: 'productcatalog', namespace: 'other' }] })).toEqual([]);
  expect(problems({ 'spec.after': [{ name: 'cart', phase: 'Planned' }] })[0]?.path).toBe('spec.after[0]');
});

describe('a value that cannot work is refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['spec.rollout.steps', [20, 50], /a last step of 100/],
    ['spec.rollout.steps', [50, 20, 100], /rising percentages/],
    ['spec.rollout.steps', [20, 20, 100], /rising percentages/],
    ['spec.rollout.steps', [], /at least 1 entries/],
    ['spec.rollout.gate.maxErrorRate', '150%', /from 0% to 100%/],
    ['spec.rollout.gate.maxErrorRate', '1', /a percentage such as/],
    ['spec.rollout.gate.interval', '0s', /100ms or more/],
    ['spec.retire.idle', '0s', /1s or more/],
    ['spec.vm.host', 'vm.example', /an IP address/],
    ['spec.vm.probe', {}, /exactly one of grpc, httpGet, tcpSocket/],
    ['spec.vm.probe', { grpc: { port: 1 }, tcpSocket: { port: 1 } }, /exactly one of/],
    ['spec.vm.sidecar', { sha256: 'ABC' }, /lower-case hex/],
    ['spec.workload.suffix', 'vm', /vm names the side of the VM/],
    ['spec.workload.suffix', 'a'.repeat(50), /a suffix that fits/],
    ['spec.workload.manifests', [], /at least 1 entries/],
    ['spec.service.name', 'Product_Catalog', /lower-case letters/],
    ['spec.service.name', 'a'.repeat(64), /at most 63 characters/],
    ['spec.service.protocol', 'udp', /one of grpc, http, tcp/],
    ['metadata.name', undefined, /a value of type string/],
  ])('%s: %j', (path, value, expected) => {
    const found = problems({ [path]: value });
    expect(found.map((problem) => problem.path.startsWith(path))).toEqual([true]);
    expect(found[0]?.expected).toMatch(expected);
  });
});

describe('the clusters are refused', () => {
  const cluster1 = { name: 'cluster1', context: 'cluster1', home: true };
  const cluster2 = { name: 'cluster2', context: 'cluster2', target: true };
  test.each<[string, unknown, RegExp]>([
    ['without a home', [{ ...cluster1, home: false }, cluster2], /home: true on exactly one/],
    ['with two homes', [cluster1, { ...cluster2, home: true }], /home: true on exactly one/],
    ['without a target', [cluster1, { ...cluster2, target: false }], /target: true on exactly one/],
    ['with one name twice', [cluster1, { ...cluster2, name: 'cluster1' }], /a different name/],
    ['with one context twice', [cluster1, { ...cluster2, context: 'cluster1' }], /a different context/],
    ['when there are none', [], /at least 1/],
    ['when there are five', Array.from({ length: 5 }, () => cluster1), /at most 4/],
  ])('%s', (_name, clusters, expected) => {
    expect(
      problems({ 'spec.clusters': clusters })
        .map((it) => it.expected)
        .join('; '),
    ).toMatch(expected);
  });

  test('but one that is home and target alone is fine, and so is one context name in two files', () => {
    expect(homeOf(accepted({ 'spec.clusters': [{ ...cluster1, target: true }] })).name).toBe('cluster1');
    const files = [
      { ...cluster1, context: 'admin', kubeconfig: 'a' },
      { ...cluster2, context: 'admin', kubeconfig: 'b' },
    ];
    expect(targetOf(accepted({ 'spec.clusters': files })).kubeconfig).toBe('b');
  });
});

test.each([null, undefined, 'kind: Migration', 7, []])(
  'a document that is %j is refused, not thrown at',
  (it) => {
    const parsed = parseMigration(it);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.problems[0]?.path).toBe('(the document)');
  },
);

test('a long value is cut where a problem shows it', () => {
  const [problem] = problems({ 'spec.service': 'x'.repeat(5_000) });
  expect(problem?.received.length).toBeLessThan(110);
});

describe('metrics and gates', () => {
  const told = (changes: Record<string, unknown>) =>
    problems(changes).map(({ path, expected }) => `${path}: ${expected}`);
  const url = 'https://prometheus.example.org';

  test.each([
    [{ source: 'prometheus' }, 'spec.metrics: prometheus.servers, since source is prometheus'],
    [
      { source: 'prometheus', prometheus: { servers: [{ url, clusters: ['cluster1'] }] } },
      'spec.metrics.prometheus.servers: a server for every cluster: callers of one that nobody has the metrics of would not count',
    ],
    [
      { prometheus: { servers: [{ url, service: { namespace: 'm', name: 'p', port: 9090 } }] } },
      'spec.metrics.prometheus.servers[0]: exactly one of url, service',
    ],
  ])('metrics: %j is refused', (metrics, problem) => {
    expect(told({ 'spec.metrics': metrics })).toContain(problem);
  });

  test.each([
    [{ name: 'a', prometheus: { query: 'up' } }, 'spec.rollout.gates[0].prometheus: min, max or both'],
    [{ name: 'a' }, 'spec.rollout.gates[0]: exactly one of prometheus, webhook, command'],
    [
      { name: 'a', prometheus: { query: 'up', min: 1 } },
      'spec.rollout.gates: a server for each gate that asks Prometheus: prometheus.server, or metrics.prometheus.servers',
    ],
  ])('a gate of %j is refused', (gate, problem) => {
    expect(told({ 'spec.rollout.gates': [gate] })).toContain(problem);
  });
});
