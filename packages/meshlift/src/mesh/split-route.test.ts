import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { sides, splitWithK8s } from '../migration/traffic-split.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { readSplitRoute, splitRoute } from './split-route.ts';
import { expectGolden } from './testdata/golden.ts';

const protocols = ['grpc', 'http', 'tcp'] as const;
const nets = ['safe', 'idempotent', 'off'] as const;

function migrationOf(protocol: (typeof protocols)[number], retries: (typeof nets)[number] = 'safe') {
  return sampleMigration({
    service: { name: 'productcatalogservice', port: 3550, protocol },
    net: { retries },
  });
}

test.each([
  ['split-route-grpc-safe', 'grpc', 'safe'],
  ['split-route-grpc-idempotent', 'grpc', 'idempotent'],
  ['split-route-grpc-off', 'grpc', 'off'],
  ['split-route-http-safe', 'http', 'safe'],
  ['split-route-tcp', 'tcp', 'safe'],
] as const)('%s', (name, protocol, retries) => {
  expectGolden(name, [splitRoute(migrationOf(protocol, retries), splitWithK8s(20), 7)]);
});

test('the split of a mesh with global names leads to the copy’s global name', () => {
  expectGolden('split-route-global-names', [
    splitRoute(sampleMigration({ topology: 'global-names' }), splitWithK8s(20), 7),
  ]);
});

const mirror = { percent: 10, methods: ['/shop.Catalog/List', '/shop.Catalog/Get*'] };

test('the split while the copy answers mirrored requests', () => {
  const migration = sampleMigration({ rollout: { mirror } });
  expectGolden('split-route-mirrored', [splitRoute(migration, splitWithK8s(0), 7, true)]);
});

test('a route that still mirrors is not what would be written, so that nobody leaves it behind', () => {
  const migration = sampleMigration({ rollout: { mirror } });
  expect(readSplitRoute(migration, splitRoute(migration, splitWithK8s(0), 7, true))).toBeNull();
  expect(readSplitRoute(migration, splitRoute(migration, splitWithK8s(0), 7))).not.toBeNull();
});

test('the split of a service with several ports is one for all of them', () => {
  const service = { name: 'productcatalogservice', port: 3550, protocol: 'grpc' };
  const migration = sampleMigration({
    service: { ...service, morePorts: [{ port: 8080, protocol: 'http' }] },
  });
  const written = splitRoute(migration, splitWithK8s(20), 7);
  expectGolden('split-route-several-ports', [written]);
  expect(readSplitRoute(migration, written)).toEqual({ generation: 7, split: splitWithK8s(20) });

  // One port that is routed otherwise makes it another split.
  const otherwise = structuredClone(written) as unknown as {
    spec: { http: { match: { port: number }[]; route: { weight: number }[] }[] };
  };
  const first = otherwise.spec.http[2];
  expect(first?.match[0]?.port).toBe(3550);
  for (const [i, it] of (first?.route ?? []).entries()) it.weight = i === 0 ? 95 : 5;
  expect(readSplitRoute(migration, otherwise as unknown as KubeObject)).toBeNull();
});

test('a route that was written is read back as the same split and generation', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...protocols),
      fc.constantFrom(...nets),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      (protocol, net, k8s, generation) => {
        const migration = migrationOf(protocol, net);
        const stored = JSON.parse(JSON.stringify(splitRoute(migration, splitWithK8s(k8s), generation)));
        expect(readSplitRoute(migration, stored)).toEqual({ generation, split: splitWithK8s(k8s) });
      },
    ),
  );
});

interface HeaderRule {
  readonly match: readonly { readonly headers?: Readonly<Record<string, { readonly exact: string }>> }[];
  readonly route: readonly {
    readonly destination: { readonly host: string };
    readonly weight?: number;
  }[];
  readonly retries: { readonly attempts: number };
}

test('a request that names a side goes to that side alone, at every split, and nobody answers in its place', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('grpc' as const, 'http' as const),
      fc.constantFrom(...nets),
      fc.integer({ min: 0, max: 100 }),
      (protocol, net, k8s) => {
        const { spec } = splitRoute(migrationOf(protocol, net), splitWithK8s(k8s), 7);
        const rules = (spec as { http: readonly HeaderRule[] }).http;
        for (const side of sides) {
          const taken = rules.find(({ match }) =>
            match.every(
              ({ headers = {} }) =>
                Object.keys(headers).length === 0 || headers['x-meshlift-side']?.exact === side,
            ),
          );
          expect(taken?.route.map(({ destination }) => destination.host)).toEqual([
            `productcatalogservice-${side === 'vm' ? 'vm' : 'gke'}.default.alone`,
          ]);
          expect(taken?.retries).toEqual({ attempts: 0 });
        }
      },
    ),
  );
});

test('a request that names no side, or another one, is split', () => {
  const { spec } = splitRoute(migrationOf('grpc'), splitWithK8s(20), 7);
  const rules = (spec as { http: readonly HeaderRule[] }).http;
  const withoutHeaders = rules.filter(({ match }) => match.every(({ headers }) => headers === undefined));
  expect(withoutHeaders.map(({ route }) => route.map(({ weight }) => weight))).toEqual([[80, 20]]);
});

test('what the cluster adds to an object’s metadata does not make it another route', () => {
  const migration = migrationOf('grpc');
  const written = splitRoute(migration, splitWithK8s(20), 7);
  const stored = {
    ...written,
    metadata: { ...written.metadata, uid: 'u', resourceVersion: '9', managedFields: [] },
  };
  expect(readSplitRoute(migration, stored)).toEqual({ generation: 7, split: splitWithK8s(20) });
});

interface Rule {
  [field: string]: unknown;
  route: { weight: number; destination: { host: string } }[];
}

/** The route at 20 %, after somebody's hands were on it. */
function edited(edit: (rules: Rule[], object: { spec: Record<string, unknown> }) => void): KubeObject {
  const object = structuredClone(splitRoute(migrationOf('grpc'), splitWithK8s(20), 7));
  const hands = object as unknown as { spec: Record<string, unknown> };
  edit((hands.spec as { http: Rule[] }).http, hands);
  return object;
}

/** Puts something into the rule that splits. */
function split(change: (rule: Rule) => void): (rules: Rule[]) => void {
  return (rules) => {
    const rule = rules.at(-1);
    if (rule) change(rule);
  };
}

describe('a route is not Meshlift’s any more', () => {
  test.each<[string, (rules: Rule[], object: { spec: Record<string, unknown> }) => void]>([
    ['with a fault put in', split((rule) => Object.assign(rule, { fault: { abort: { httpStatus: 503 } } }))],
    ['with other retries', split((rule) => Object.assign(rule, { retries: { attempts: 0 } }))],
    ['with a timeout', split((rule) => Object.assign(rule, { timeout: '1s' }))],
    ['with a rule before it', (rules) => rules.unshift({ route: rules.at(-1)?.route ?? [] })],
    ['with a rule after it', (rules) => rules.push({ route: rules.at(-1)?.route ?? [] })],
    [
      'with a destination of someone else’s',
      split((rule) => Object.assign(rule.route[0]?.destination ?? {}, { host: 'elsewhere' })),
    ],
    [
      'with weights that do not sum to 100',
      split((rule) => Object.assign(rule.route[0] ?? {}, { weight: 70 })),
    ],
    ['under another name', split((rule) => Object.assign(rule, { name: 'primary' }))],
    ['without the way to one side', (rules) => rules.shift()],
    ['without a rule', (rules) => rules.splice(0)],
    ['for another host', (_rules, object) => Object.assign(object.spec, { hosts: ['elsewhere'] })],
    ['through gateways', (_rules, object) => Object.assign(object.spec, { gateways: ['mesh', 'public'] })],
  ])('%s', (_name, edit) => {
    expect(readSplitRoute(migrationOf('grpc'), edited(edit))).toBeNull();
  });
});

test('other weights that sum to 100 are read as what they are', () => {
  const object = edited(
    split(({ route }) => {
      for (const [i, it] of route.entries()) it.weight = i === 0 ? 35 : 65;
    }),
  );
  expect(readSplitRoute(migrationOf('grpc'), object)).toEqual({ generation: 7, split: splitWithK8s(65) });
});

test('no route, and an object without a spec, are nothing', () => {
  expect(readSplitRoute(migrationOf('grpc'), null)).toBeNull();
  const { spec: _spec, ...bare } = splitRoute(migrationOf('tcp'), splitWithK8s(20), 7);
  expect(readSplitRoute(migrationOf('tcp'), bare)).toBeNull();
});

test('the route of a net that was changed since is not what would be written now', () => {
  const before = splitRoute(migrationOf('grpc', 'safe'), splitWithK8s(20), 7);
  expect(readSplitRoute(migrationOf('grpc', 'off'), before)).toBeNull();
});
