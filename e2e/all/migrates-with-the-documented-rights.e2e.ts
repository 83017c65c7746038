import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { atAnyLatency, fewerCustomers, root, run, Scenario } from '../scenario.ts';
import { expectNothingLost } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;
type Cluster = (typeof clusters)[number];

/** What a cluster is to the migration, as docs/reference/permissions.md heads what it has to allow. */
const headings: Readonly<Record<Cluster, readonly string[]>> = {
  cluster1: ['In every member cluster', 'In the home cluster, besides'],
  cluster2: ['In every member cluster', 'In the target cluster, besides'],
};

interface Role {
  readonly kind: 'Role' | 'ClusterRole';
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const account = { kind: 'ServiceAccount', name: 'migrator', namespace: 'operators' } as const;

/** The documentation's roles are all that a whole migration needs, there and back and to the end. */
describe('whoever has no other rights than the documented ones', () => {
  let scenario: Scenario;
  let file: string;
  let kubeconfig: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('rights', { customers: fewerCustomers });
    await scenario.shop();
    file = await scenario.migration((draft) => {
      atAnyLatency(draft);
    });
    for (const cluster of clusters) await grant(cluster);
    kubeconfig = await kubeconfigOfAccount();
  });
  afterAll(() => scenario.end());

  async function grant(cluster: Cluster): Promise<void> {
    const page = await readFile(join(root, 'docs/reference/permissions.md'), 'utf8');
    const sections = page
      .split(/^## /m)
      .filter((it) => headings[cluster].some((head) => it.startsWith(head)));
    expect(sections).toHaveLength(2);
    const roles = sections
      .flatMap((it) => [...it.matchAll(/```yaml\n([\s\S]*?)```/g)])
      .flatMap((block) => parseAllDocuments((block[1] ?? '').replaceAll('NAMESPACE', 'default')))
      .map((it) => it.toJS() as Role);
    if (cluster === 'cluster2') roles.push(rightsOfManifests);
    const { namespace, name } = account;
    const items = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
      ...roles.flatMap((role) => [role, binding(role)]),
    ];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await scenario.stage.kubectl(cluster, ['apply', '-f', '-'], list);
  }

  /** The lab's kubeconfig, with the account's tokens in place of the administrators' certificates. */
  async function kubeconfigOfAccount(): Promise<string> {
    const config = parse(await readFile(scenario.stage.lab.kubeconfig, 'utf8'));
    for (const { name, context } of config.contexts) {
      const token = await scenario.stage.kubectl(name, [
        ...['create', 'token', account.name, '-n', account.namespace, '--duration=2h'],
      ]);
      config.users.find((it: { name: string }) => it.name === context.user).user = { token: token.trim() };
    }
    const path = join(scenario.folder, 'kubeconfig-of-the-account');
    await writeFile(path, stringify(config), { mode: 0o600 });
    return path;
  }

  const done = (...args: string[]) => scenario.done(file, '--kubeconfig', kubeconfig, ...args);

  async function may(cluster: Cluster, ...what: string[]): Promise<boolean> {
    const { stdout } = await run([
      ...[scenario.stage.lab.tools.kubectl, '--kubeconfig', kubeconfig, '--context', cluster],
      ...['auth', 'can-i', ...what],
    ]);
    return stdout.trim() === 'yes';
  }

  it('may do little else', async () => {
    for (const cluster of clusters) {
      expect(await may(cluster, 'list', 'pods', '--all-namespaces')).toBe(true);
      for (const what of [
        ['get', 'secrets', '-n', 'default'],
        ['create', 'pods', '--subresource=exec', '-n', 'default'],
        ['delete', 'deployments', '-n', 'default'],
        ['patch', 'virtualservices', '-n', 'kube-system'],
        ['patch', 'clusterroles', '--all-namespaces'],
      ])
        expect(await may(cluster, ...what), what.join(' ')).toBe(false);
    }
  });

  it('passes every check', async () => {
    await done('check');
  });

  it('shifts, has what somebody put in beside taken out, and rolls back', async () => {
    await done('vm', 'join');
    await scenario.customersShopping();
    await done('deploy');
    await done('shift', '20');
    const exported = [
      'get',
      'virtualservice',
      'meshlift-productcatalogservice',
      '-o',
      'jsonpath={.spec.exportTo}',
    ];
    const patch = '{"spec":{"exportTo":["."]}}';
    await scenario.stage.kubectl('cluster2', ['patch', ...exported.slice(1, 3), '--type=merge', '-p', patch]);
    expect(await scenario.stage.kubectl('cluster2', exported)).toBe('["."]');
    await done('shift', '50');
    expect(await scenario.stage.kubectl('cluster2', exported)).toBe('');
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('50/50');
    await done('rollback');
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('100/0');
  });

  it('runs to the end, retires the VM and leaves nothing behind', async () => {
    await done('run', '--until', 'retired');
    expect((await scenario.status()).phase).toBe('Retired');
    for (const cluster of clusters) {
      expect(await scenario.splitIn(cluster)).toBeNull();
      expect(await scenario.leftIn(cluster)).toEqual([]);
    }
  });

  it('lost no request, by the customers’ count and by the callers’ proxies', async () => {
    await expectNothingLost(scenario, file);
  });
});

/** For each kind that the shop's manifests have: what the page says in words. */
const rightsOfManifests = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'meshlift-target-manifests', namespace: 'default' },
  rules: [
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'create', 'patch'] },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'create', 'patch'] },
  ],
} as const;

function binding({ kind, metadata }: Role): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
    subjects: [account],
  };
}
