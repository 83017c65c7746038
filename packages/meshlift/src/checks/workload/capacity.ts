import type { KubeObject } from '../../effects/kube/port.ts';
import { isWorkload } from '../../mesh/copy.ts';
import type { Finding } from '../check.ts';
import { injectorValuesOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';
import { replicasOf } from './availability.ts';
import { type Container, templateSpec } from './pod-spec.ts';
import { inUnits, quantity } from './quantity.ts';

type Resource = 'cpu' | 'memory';

/** What one pod's own containers ask for or may use; null when one of them names no bound. */
export function ofOnePod(
  workload: KubeObject,
  kind: 'requests' | 'limits',
  resource: Resource,
): number | null {
  const { containers = [] } = templateSpec(workload);
  const amounts = containers.map((container) => amountOf(container, kind, resource));
  return amounts.includes(null) ? null : amounts.reduce<number>((sum, it) => sum + (it ?? 0), 0);
}

/** A limit without a request is a request as well. */
export function amountOf(
  { resources }: Container,
  kind: 'requests' | 'limits',
  resource: Resource,
): number | null {
  const text =
    resources?.[kind]?.[resource] ?? (kind === 'requests' ? resources?.limits?.[resource] : undefined);
  return text === undefined ? null : quantity(text);
}

/**
 * The copy against what the service uses on the VM now. The VM's cores are an average since the service started; a peak
 * is higher, so that this only finds what is certain to be too small.
 */
export async function tooSmall(scene: Scene): Promise<readonly Finding[]> {
  const processes = await Promise.all(scene.vms().map((vm) => vm.serviceProcess()));
  // Several VMs share the load; each needs the memory by itself.
  const residentBytes = Math.max(...processes.map((it) => it.residentBytes));
  const cores = processes.reduce((sum, it) => sum + it.cores, 0);
  const workloads = scene.manifests.filter(isWorkload);
  return Promise.all(
    workloads.map(async (workload) => {
      const named = `${workload.kind} ${workload.metadata.name}`;
      const { replicas, by } = await replicasOf(scene, workload);
      const memory = ofOnePod(workload, 'limits', 'memory');
      const most = ofOnePod(workload, 'limits', 'cpu');
      const promised = ofOnePod(workload, 'requests', 'cpu') ?? 0;
      const findings: Finding[] = [];
      if (memory !== null && memory < residentBytes) {
        findings.push({
          why: `a pod of ${named} may use ${inUnits('memory', memory)} of memory, and the service has ${inUnits('memory', residentBytes)} on the VM now`,
          next: `raise its memory limit well above that, or see that the copy needs less`,
        });
      }
      if (most !== null && most * replicas < cores) {
        findings.push({
          why: `${named} may use ${inUnits('cpu', most * replicas)} in all (${pods(replicas)}, ${by}), and the service uses ${inUnits('cpu', cores)} on the VM on average`,
          next: 'raise the CPU limit or the number of pods',
        });
      } else if (promised * replicas < cores) {
        findings.push({
          why: `${named} is promised ${inUnits('cpu', promised * replicas)} in all (${pods(replicas)}, ${by}), and the service uses ${inUnits('cpu', cores)} on the VM on average: a busy node may give it no more`,
          next: 'raise the CPU request or the number of pods',
        });
      }
      return findings;
    }),
  ).then((it) => it.flat());
}

interface QuotaFields {
  readonly hard?: Readonly<Record<string, string>>;
  readonly used?: Readonly<Record<string, string>>;
}

/** A Deployment is accepted though no pod of it will be: quotas and limit ranges judge pods alone. */
export async function overQuota(scene: Scene): Promise<readonly Finding[]> {
  const { migration, signal, target } = scene;
  const { namespace } = migration.metadata;
  const [quotas, sidecar] = await Promise.all([
    target.kube.list({ apiVersion: 'v1', kind: 'ResourceQuota', namespace }, signal),
    sidecarOf(scene),
  ]);
  if (quotas.length === 0) return [];
  const workloads = await newWorkloads(scene);
  const findings = await Promise.all(
    workloads.map(async (workload) => {
      const { replicas } = await replicasOf(scene, workload);
      return quotas.flatMap((quota) => quotaFindings(scene, { quota, workload, replicas, sidecar }));
    }),
  );
  return findings.flat();
}

function quotaFindings(
  { target }: Scene,
  {
    quota,
    workload,
    replicas,
    sidecar,
  }: {
    readonly quota: KubeObject;
    readonly workload: KubeObject;
    readonly replicas: number;
    readonly sidecar: Container;
  },
): Finding[] {
  const { hard = {}, used = {} } = (quota.status ?? {}) as QuotaFields;
  const named = `ResourceQuota ${quota.metadata.namespace}/${quota.metadata.name} in ${target.name}`;
  return Object.entries(hard).flatMap(([key, most]) => {
    const perPod = perPodOf(key, workload, sidecar);
    if (perPod === undefined) return [];
    const next = `kubectl --context ${target.member.context} -n ${quota.metadata.namespace} describe resourcequota ${quota.metadata.name}`;
    if (perPod === null) {
      return {
        why: `${named} bounds ${key}, so it refuses pods that name none, as those of ${workload.kind} ${workload.metadata.name} do`,
        next: `name ${key} in its containers' resources; ${next}`,
      };
    }
    const left = (quantity(most) ?? 0) - (quantity(used[key] ?? '0') ?? 0);
    if (perPod * replicas <= left) return [];
    const shown = (amount: number) => (isCount(key) ? `${amount}` : inUnits(resourceOf(key), amount));
    return {
      why: `${named} has ${shown(Math.max(0, left))} of ${key} left, and ${workload.kind} ${workload.metadata.name} needs ${shown(perPod * replicas)} (${pods(replicas)}, sidecars included)`,
      next: `raise the quota, or make room: ${next}`,
    };
  });
}

/** What one pod takes of a quota's key; null when it names no amount, undefined when the key is about something else. */
function perPodOf(key: string, workload: KubeObject, sidecar: Container): number | null | undefined {
  if (isCount(key)) return 1;
  const match = /^(?:(requests|limits)\.)?(cpu|memory)$/.exec(key);
  if (!match) return undefined;
  const kind = match[1] === 'limits' ? 'limits' : 'requests';
  const own = ofOnePod(workload, kind, match[2] as Resource);
  return own === null ? null : own + (amountOf(sidecar, kind, match[2] as Resource) ?? 0);
}

function isCount(key: string): boolean {
  return key === 'pods' || key === 'count/pods';
}

function pods(replicas: number): string {
  return `${replicas} ${replicas === 1 ? 'pod' : 'pods'}`;
}

function resourceOf(key: string): Resource {
  return key.endsWith('cpu') ? 'cpu' : 'memory';
}

/** What the mesh gives every sidecar, as its injector's values say. */
async function sidecarOf(scene: Scene): Promise<Container> {
  const resources = (await injectorValuesOf(scene, scene.target)).global?.proxy?.resources;
  return { name: 'istio-proxy', ...(resources && { resources }) };
}

/** Workloads that are not there yet: what runs has its place already. */
async function newWorkloads({ manifests, migration, signal, target }: Scene): Promise<readonly KubeObject[]> {
  const workloads = manifests.filter(isWorkload);
  const there = await Promise.all(
    workloads.map(({ apiVersion, kind, metadata }) =>
      target.kube.get(
        {
          apiVersion,
          kind,
          name: metadata.name,
          namespace: metadata.namespace ?? migration.metadata.namespace,
        },
        signal,
      ),
    ),
  );
  return workloads.filter((_, i) => !there[i]);
}

interface LimitRangeFields {
  readonly limits?: readonly {
    readonly type?: string;
    readonly max?: Readonly<Record<string, string>>;
    readonly min?: Readonly<Record<string, string>>;
  }[];
}

export async function outOfLimitRange(scene: Scene): Promise<readonly Finding[]> {
  const { manifests, migration, signal, target } = scene;
  const { namespace } = migration.metadata;
  const ranges = await target.kube.list({ apiVersion: 'v1', kind: 'LimitRange', namespace }, signal);
  const containers = manifests
    .filter(isWorkload)
    .flatMap((workload) =>
      (templateSpec(workload).containers ?? []).map((container) => ({ workload, container })),
    );
  return ranges.flatMap((range) => {
    const { limits = [] } = (range.spec ?? {}) as LimitRangeFields;
    const bounds = limits.filter(({ type }) => type === 'Container');
    return containers.flatMap(({ workload, container }) =>
      bounds.flatMap(({ max, min }) =>
        (['cpu', 'memory'] as const).flatMap((resource) => {
          const most = quantity(max?.[resource] ?? '');
          const least = quantity(min?.[resource] ?? '');
          const limit = amountOf(container, 'limits', resource);
          const request = amountOf(container, 'requests', resource);
          const tooMuch = most !== null && limit !== null && limit > most;
          const tooLittle = least !== null && request !== null && request < least;
          if (!tooMuch && !tooLittle) return [];
          const [what, has, bound] = tooMuch ? ['limit', limit, most] : ['request', request, least];
          return {
            why: `LimitRange ${namespace}/${range.metadata.name} in ${target.name} allows ${tooMuch ? 'at most' : 'no less than'} ${inUnits(resource, bound ?? 0)} of ${resource} to a container, and ${container.name} of ${workload.kind} ${workload.metadata.name} has a ${what} of ${inUnits(resource, has ?? 0)}: its pods would be refused`,
            next: `change the container's resources, or the range: kubectl --context ${target.member.context} -n ${namespace} describe limitrange ${range.metadata.name}`,
          };
        }),
      ),
    );
  });
}
