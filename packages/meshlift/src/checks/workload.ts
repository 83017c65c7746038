import { isWorkload } from '../mesh/copy.ts';
import type { Check } from './check.ts';

export const workloadChecks: readonly Check[] = [
  {
    id: 'workload-has-pods',
    category: 'workload',
    sentence: 'the manifests hold a Deployment, StatefulSet or DaemonSet',
    severity: 'fatal',
    look: async ({ manifests, migration }) => {
      if (manifests.some(isWorkload)) return null;
      const kinds = manifests.map((it) => `${it.kind} ${it.metadata.name}`).join(', ') || 'nothing';
      return {
        why: `${migration.spec.workload.manifests.join(', ')} hold ${kinds}`,
        next: 'list the manifest of the copy’s workload in spec.workload.manifests',
      };
    },
  },
  {
    id: 'workload-applies',
    category: 'workload',
    sentence: 'the target cluster would accept the manifests',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: async ({ manifests, migration, signal, target }) => {
      for (const object of manifests) {
        const namespace = object.metadata.namespace ?? migration.metadata.namespace;
        await target.kube.apply(
          { ...object, metadata: { ...object.metadata, namespace } },
          { dryRun: true, signal },
        );
      }
      return null;
    },
  },
  {
    id: 'workload-injected',
    category: 'workload',
    sentence: 'the copy’s namespace gets sidecars in the target cluster',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: async ({ migration, signal, target }) => {
      const { namespace } = migration.metadata;
      const object = await target.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, signal);
      const labels = object?.metadata.labels ?? {};
      if (labels['istio-injection'] === 'enabled' || labels['istio.io/rev']) return null;
      return {
        why: object
          ? `namespace ${namespace} in ${target.name} has neither istio-injection=enabled nor istio.io/rev`
          : `${target.name} has no namespace ${namespace}`,
        next: `kubectl --context ${target.member.context} label namespace ${namespace} istio-injection=enabled`,
      };
    },
  },
];
