import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
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

/** Puts something into the first rule. */
function first(change: (rule: Rule) => void): (rules: Rule[]) => void {
  return ([rule]) => {
    if (rule) change(rule);
  };
}

describe('a route is not Meshlift’s any more', () => {
  test.each<[string, (rules: Rule[], object: { spec: Record<string, unknown> }) => void]>([
    ['with a fault put in', first((rule) => Object.assign(rule, { fault: { abort: { httpStatus: 503 } } }))],
    ['with other retries', first((rule) => Object.assign(rule, { retries: { attempts: 0 } }))],
    ['with a timeout', first((rule) => Object.assign(rule, { timeout: '1s' }))],
    ['with a rule before it', (rules) => rules.unshift({ route: rules[0]?.route ?? [] })],
    ['with a rule after it', (rules) => rules.push({ route: rules[0]?.route ?? [] })],
    [
      'with a destination of someone else’s',
      first((rule) => Object.assign(rule.route[0]?.destination ?? {}, { host: 'elsewhere' })),
    ],
    [
      'with weights that do not sum to 100',
      first((rule) => Object.assign(rule.route[0] ?? {}, { weight: 70 })),
    ],
    ['under another name', first((rule) => Object.assign(rule, { name: 'primary' }))],
    ['without a rule', (rules) => rules.splice(0)],
    ['for another host', (_rules, object) => Object.assign(object.spec, { hosts: ['elsewhere'] })],
    ['through gateways', (_rules, object) => Object.assign(object.spec, { gateways: ['mesh', 'public'] })],
  ])('%s', (_name, edit) => {
    expect(readSplitRoute(migrationOf('grpc'), edited(edit))).toBeNull();
  });
});

test('other weights that sum to 100 are read as what they are', () => {
  const object = edited(
    first(({ route }) => {
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
