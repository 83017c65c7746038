import type { KubeObject } from '../../effects/kube/port.ts';
import { isWorkload, podTemplate } from '../../mesh/copy.ts';
import type { Finding } from '../check.ts';
import { selects } from '../mesh/istio-hosts.ts';
import type { Scene } from '../scene.ts';
import { templateSpec } from './pod-spec.ts';

interface AutoscalerFields {
  readonly minReplicas?: number;
  readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string };
}

export interface Replicas {
  readonly replicas: number;
  /** which object says so */
  readonly by: string;
}

/** How many pods a workload has at least: its autoscaler's say, where it has one, counts before its own. */
export async function replicasOf(scene: Scene, workload: KubeObject): Promise<Replicas> {
  const autoscalers = await objectsOf(scene, 'autoscaling/v2', 'HorizontalPodAutoscaler');
  const autoscaler = autoscalers.find((it) => {
    const { scaleTargetRef } = (it.spec ?? {}) as AutoscalerFields;
    return scaleTargetRef?.kind === workload.kind && scaleTargetRef.name === workload.metadata.name;
  });
  if (autoscaler) {
    const { minReplicas = 1 } = (autoscaler.spec ?? {}) as AutoscalerFields;
    return {
      replicas: minReplicas,
      by: `the least that HorizontalPodAutoscaler ${autoscaler.metadata.name} keeps`,
    };
  }
  const { replicas = 1 } = (workload.spec ?? {}) as { replicas?: number };
  return { replicas, by: 'spec.replicas' };
}

/** One VM is one machine as well, but a node is drained more often than a VM is restarted. */
export async function singlePods(scene: Scene): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    scene.manifests
      .filter((it) => isWorkload(it) && it.kind !== 'DaemonSet')
      .map(async (workload) => {
        const { replicas, by } = await replicasOf(scene, workload);
        if (replicas > 1) return [];
        return {
          why: `${workload.kind} ${workload.metadata.name} has ${replicas} ${replicas === 1 ? 'pod' : 'pods'} (${by}): once the VM has retired, every node drain and every crash is an outage`,
          next: 'give it two pods at least, if the service can run twice: spec.replicas',
        };
      }),
  );
  return findings.flat();
}

export async function unprobedContainers({ manifests }: Scene): Promise<readonly Finding[]> {
  return manifests.filter(isWorkload).flatMap((workload) => {
    const { containers = [] } = templateSpec(workload);
    if (containers.some(({ readinessProbe }) => readinessProbe !== undefined)) return [];
    return {
      why: `no container of ${workload.kind} ${workload.metadata.name} has a readiness probe: its pods count as ready before they can answer, at every start and every rollout`,
      next: 'give the container that serves the port a readinessProbe',
    };
  });
}

interface DisruptionBudgetFields {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly minAvailable?: number | string;
  readonly maxUnavailable?: number | string;
}

/** A budget that never lets a pod go blocks node updates, and whoever forces them takes all pods at once. */
export async function budgetsWithoutRoom(scene: Scene): Promise<readonly Finding[]> {
  const budgets = await objectsOf(scene, 'policy/v1', 'PodDisruptionBudget');
  const findings = await Promise.all(
    scene.manifests.filter(isWorkload).map(async (workload) => {
      const labels = podTemplate(workload).metadata?.labels ?? {};
      const { replicas } = await replicasOf(scene, workload);
      return budgets.flatMap((budget) => {
        const { selector, minAvailable, maxUnavailable } = (budget.spec ?? {}) as DisruptionBudgetFields;
        if (!selector?.matchLabels || !selects(selector.matchLabels, labels)) return [];
        const kept =
          minAvailable === undefined
            ? replicas - share(maxUnavailable ?? 0, replicas)
            : share(minAvailable, replicas);
        if (kept < replicas) return [];
        return {
          why: `PodDisruptionBudget ${budget.metadata.name} keeps all ${replicas} pods of ${workload.kind} ${workload.metadata.name}: no node with one of them can be drained`,
          next: 'let it allow one pod to go: maxUnavailable: 1',
        };
      });
    }),
  );
  return findings.flat();
}

function share(of: number | string, replicas: number): number {
  if (typeof of === 'number') return of;
  return of.endsWith('%') ? Math.ceil((Number(of.slice(0, -1)) / 100) * replicas) : Number(of);
}

/** Objects of a kind among the manifests and in the target's namespace; the manifests' own say counts first. */
async function objectsOf(scene: Scene, apiVersion: string, kind: string): Promise<readonly KubeObject[]> {
  const { manifests, migration, signal, target } = scene;
  const { namespace } = migration.metadata;
  const there = await target.kube.list({ apiVersion, kind, namespace }, signal);
  return [...manifests.filter((it) => it.kind === kind), ...there];
}
