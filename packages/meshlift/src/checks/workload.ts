import { refOf } from '../effects/kube/object-ref.ts';
import { isWorkload } from '../mesh/copy.ts';
import type { Check } from './check.ts';
import { inEveryMember } from './in-every-member.ts';
import { onEveryVm } from './on-every-vm.ts';
import { budgetsWithoutRoom, singlePods, unprobedContainers } from './workload/availability.ts';
import { outOfLimitRange, overQuota, tooSmall } from './workload/capacity.ts';
import { localCalls, missingEnvironment, missingFiles, otherPorts } from './workload/left-behind.ts';
import { absentReferences } from './workload/references.ts';
import { otherPodsOfService, takenOver } from './workload/strangers.ts';

export const workloadChecks: readonly Check[] = [
  {
    id: 'workload-has-pods',
    category: 'workload',
    sentence: 'the manifests hold a Deployment, StatefulSet or DaemonSet',
    severity: 'fatal',
    look: async ({ manifests, migration }) => {
      if (manifests.some(isWorkload)) return [];
      const kinds = manifests.map((it) => `${it.kind} ${it.metadata.name}`).join(', ') || 'nothing';
      return [
        {
          why: `${migration.spec.workload.manifests.join(', ')} hold ${kinds}`,
          next: 'list the manifest of the copy’s workload in spec.workload.manifests',
        },
      ];
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
        const placed = { ...object, metadata: { ...object.metadata, namespace } };
        // What is there is read before it is written: a right of its own.
        await target.kube.get(refOf(placed), signal);
        await target.kube.apply(placed, { dryRun: true, signal });
      }
      return [];
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
      if (labels['istio-injection'] === 'enabled' || labels['istio.io/rev']) return [];
      return [
        {
          why: object
            ? `namespace ${namespace} in ${target.name} has neither istio-injection=enabled nor istio.io/rev`
            : `${target.name} has no namespace ${namespace}`,
          next: `kubectl --context ${target.member.context} label namespace ${namespace} istio-injection=enabled`,
        },
      ];
    },
  },
  {
    id: 'workload-references',
    category: 'workload',
    sentence: 'what the copy’s pods refer to is in the manifests or in the target cluster',
    severity: 'warning',
    after: 'clusters-reachable',
    look: absentReferences,
  },
  {
    id: 'workload-takes-nothing-over',
    category: 'workload',
    sentence: 'nothing in the target cluster has the copy’s names and another keeper',
    severity: 'warning',
    after: 'clusters-reachable',
    look: takenOver,
  },
  {
    id: 'workload-alone-behind-the-service',
    category: 'workload',
    sentence: 'the Service selects no pods but the copy’s',
    severity: 'warning',
    after: 'mesh-service-in-every-member',
    look: (scene) => inEveryMember(scene.members, (member) => otherPodsOfService(scene, member)),
  },
  {
    id: 'workload-says-when-ready',
    category: 'workload',
    sentence: 'the copy’s pods tell when they are ready',
    severity: 'warning',
    look: unprobedContainers,
  },
  {
    id: 'workload-has-a-spare',
    category: 'workload',
    sentence: 'the copy has more than one pod',
    severity: 'warning',
    after: 'clusters-reachable',
    look: singlePods,
  },
  {
    id: 'workload-disruption-budget',
    category: 'workload',
    sentence: 'every PodDisruptionBudget of the copy lets a pod go',
    severity: 'warning',
    after: 'clusters-reachable',
    look: budgetsWithoutRoom,
  },
  {
    id: 'workload-quota',
    category: 'workload',
    sentence: 'the namespace’s quotas have room for the copy',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: overQuota,
  },
  {
    id: 'workload-limit-range',
    category: 'workload',
    sentence: 'the copy’s containers are within the namespace’s limit ranges',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: outOfLimitRange,
  },
  {
    id: 'workload-capacity',
    category: 'workload',
    sentence: 'the copy may use what the service uses on the VM',
    severity: 'warning',
    after: 'vm-service-visible',
    look: tooSmall,
  },
  {
    id: 'workload-environment',
    category: 'workload',
    sentence: 'the manifests have every variable of the service’s environment on the VM',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(missingEnvironment),
  },
  {
    id: 'workload-files',
    category: 'workload',
    sentence: 'the service uses no files on the VM that the copy will not have',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(missingFiles),
  },
  {
    id: 'workload-local-calls',
    category: 'workload',
    sentence: 'the service talks to nothing that runs beside it on the VM',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(localCalls),
  },
  {
    id: 'workload-other-ports',
    category: 'workload',
    sentence: 'the service listens on no other port of the VM',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(otherPorts),
  },
];
