import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { targetOf } from '../spec/migration.ts';
import { k8sLabels } from './marks.ts';

/** Kinds whose pods can be a side: they have a pod template and report their rollout. */
const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly serviceAccountName?: string };
}

export function isWorkload(object: KubeObject): boolean {
  return workloadKinds.has(object.kind);
}

export function podTemplate(workload: KubeObject): PodTemplate {
  return (workload.spec as { template?: PodTemplate } | undefined)?.template ?? {};
}

/** The user's manifests with a namespace, and with the pods of workloads marked as the k8s side; nothing else changes. */
export function markedCopy(migration: Migration, manifests: readonly KubeObject[]): readonly KubeObject[] {
  return manifests.map((object) => {
    const placed = {
      ...object,
      metadata: { ...object.metadata, namespace: object.metadata.namespace ?? migration.metadata.namespace },
    };
    return isWorkload(object)
      ? withPodLabels(placed, k8sLabels(migration, targetOf(migration).name))
      : placed;
  });
}

/** The identity that the copy's pods run as. */
export function copyServiceAccount(manifests: readonly KubeObject[]): string {
  return (
    manifests.filter(isWorkload).map((workload) => podTemplate(workload).spec?.serviceAccountName)[0] ??
    'default'
  );
}

function withPodLabels(workload: KubeObject, labels: Record<string, string>): KubeObject {
  const template = podTemplate(workload);
  return {
    ...workload,
    spec: {
      ...(workload.spec as object),
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...labels } },
      },
    },
  };
}
