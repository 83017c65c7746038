import type { KubeObject } from '../../effects/kube/port.ts';
import { isWorkload } from '../../mesh/copy.ts';
import type { Finding } from '../check.ts';
import { untold } from '../in-every-member.ts';
import type { Scene } from '../scene.ts';
import { containersOf, type PodSpec, type Reference, templateSpec } from './pod-spec.ts';

interface Wanted {
  readonly kind: 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim' | 'ServiceAccount';
  readonly name: string;
}

/** What the copy's pods can't start without, and that is neither in the manifests nor in the target cluster. */
export async function absentReferences(scene: Scene): Promise<readonly Finding[]> {
  const workloads = scene.manifests.filter(isWorkload);
  const findings = await Promise.all(
    workloads.map(async (workload) => {
      const wanted = referencesOf(templateSpec(workload));
      return Promise.all(wanted.map((it) => findingOf(scene, workload, it).catch(untold)));
    }),
  );
  return findings.flat().flatMap((it) => it ?? []);
}

async function findingOf(
  { manifests, migration, signal, target }: Scene,
  workload: KubeObject,
  { kind, name }: Wanted,
): Promise<Finding | null> {
  if (manifests.some((it) => it.kind === kind && it.metadata.name === name)) return null;
  const namespace = workload.metadata.namespace ?? migration.metadata.namespace;
  if (await target.kube.get({ apiVersion: 'v1', kind, namespace, name }, signal)) return null;
  return {
    why: `${workload.kind} ${workload.metadata.name} needs ${kind} ${namespace}/${name}, which is neither in the manifests nor in ${target.name}: its pods would not start`,
    next: `make it in ${target.name}, or add it to spec.workload.manifests`,
  };
}

/** References that are not optional, each once. */
function referencesOf(spec: PodSpec): readonly Wanted[] {
  const found: Wanted[] = [];
  const add = (kind: Wanted['kind'], reference: Reference | undefined) => {
    if (
      !reference ||
      reference.optional ||
      found.some((it) => it.kind === kind && it.name === reference.name)
    )
      return;
    found.push({ kind, name: reference.name });
  };
  for (const { env = [], envFrom = [] } of containersOf(spec)) {
    for (const { valueFrom } of env) {
      add('ConfigMap', valueFrom?.configMapKeyRef);
      add('Secret', valueFrom?.secretKeyRef);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('ConfigMap', configMapRef);
      add('Secret', secretRef);
    }
  }
  for (const { configMap, secret, persistentVolumeClaim } of spec.volumes ?? []) {
    add('ConfigMap', configMap);
    add('Secret', secret && { name: secret.secretName, ...(secret.optional && { optional: true }) });
    add('PersistentVolumeClaim', persistentVolumeClaim && { name: persistentVolumeClaim.claimName });
  }
  for (const secret of spec.imagePullSecrets ?? []) add('Secret', secret);
  if (spec.serviceAccountName && spec.serviceAccountName !== 'default')
    add('ServiceAccount', { name: spec.serviceAccountName });
  return found;
}
