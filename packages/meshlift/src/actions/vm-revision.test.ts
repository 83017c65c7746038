import { expect, test } from 'vitest';
import { FakeCluster } from '../effects/kube/fake.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext } from '../engine/context.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { revisionOfVm } from './vm-revision.ts';

function namespace(labels: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels } };
}

function tag(name: string, labels: Record<string, string>): KubeObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: `istio-revision-tag-${name}`, labels: { 'istio.io/tag': name, ...labels } },
  };
}

function revision(objects: readonly KubeObject[], istio: Record<string, unknown> = {}): Promise<string> {
  const migration = sampleMigration({ istio });
  const member = {
    name: 'cluster1',
    member: { name: 'cluster1' },
    kube: new FakeCluster('cluster1', objects),
  };
  const context = { migration, home: member, signal: new AbortController().signal };
  return revisionOfVm(context as unknown as EngineContext);
}

test('a namespace that is injected without a revision is served by the control plane without one', async () => {
  expect(await revision([namespace({ 'istio-injection': 'enabled' })])).toBe('default');
  expect(await revision([])).toBe('default');
});

test('the revision of the service’s namespace is the VM’s', async () => {
  expect(await revision([namespace({ 'istio.io/rev': '1-31-0' })])).toBe('1-31-0');
});

test('a tag is resolved to the revision that it stands for now', async () => {
  const objects = [namespace({ 'istio.io/rev': 'stable' }), tag('stable', { 'istio.io/rev': '1-31-0' })];
  expect(await revision(objects)).toBe('1-31-0');
});

test('a tag of nothing is refused, and told how to go on', async () => {
  await expect(revision([namespace({ 'istio.io/rev': 'stable' }), tag('stable', {})])).rejects.toThrow(
    /revision tag stable/,
  );
});

test('what the migration file says counts, whatever the namespace has', async () => {
  expect(await revision([namespace({ 'istio.io/rev': '1-31-0' })], { revision: 'canary' })).toBe('canary');
});
