import type { KubeObject } from '../../effects/kube/port.ts';
import type { MemberCluster } from '../../engine/context.ts';
import { copyServiceAccount, isWorkload, podTemplate } from '../../mesh/copy.ts';
import { workloadGroup } from '../../mesh/vm-workload.ts';
import type { Finding } from '../check.ts';
import { meshConfigOf, trustDomainOf } from '../mesh-config.ts';
import type { Scene } from '../scene.ts';
import { namespaceOf, selects } from './istio-hosts.ts';

export const istioSecurity = 'security.istio.io/v1';

interface PolicyFields {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly action?: string;
  readonly rules?: readonly {
    readonly from?: readonly {
      readonly source?: {
        readonly principals?: readonly string[];
        readonly serviceAccounts?: readonly string[];
      };
    }[];
  }[];
}

/**
 * Where somebody lets the VM in by its identity, the copy knocks with its own: what the VM may call today, the copy is
 * refused, and the service fails as soon as it answers from Kubernetes.
 */
export async function policiesForVmAlone(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const [policies, trustDomain] = await Promise.all([
    policiesIn(scene, member),
    trustDomainOf(scene, member),
  ]);
  const { namespace } = scene.migration.metadata;
  const identity = (account: string) => `${trustDomain}/ns/${namespace}/sa/${account}`;
  const vm = scene.migration.spec.vm.serviceAccount;
  const copy = copyServiceAccount(scene.manifests);
  if (vm === copy) return [];
  return policies
    .filter((policy) => fieldsOf(policy).action !== 'DENY')
    .filter((policy) => {
      const { rules = [] } = fieldsOf(policy);
      const sources = rules.flatMap(({ from = [] }) => from.map(({ source }) => source ?? {}));
      const names = (account: string) =>
        sources.some(
          ({ principals = [], serviceAccounts = [] }) =>
            principals.some((pattern) => matchesPattern(pattern, identity(account))) ||
            serviceAccounts.some(
              (it) =>
                it === `${namespace}/${account}` || (it === account && namespaceOf(policy) === namespace),
            ),
        );
      return names(vm) && !names(copy);
    })
    .map((policy) => ({
      why: `AuthorizationPolicy ${namespaceOf(policy)}/${policy.metadata.name} in ${member.name} lets in the VM (${identity(vm)}), but not the copy (${identity(copy)})`,
      next: `add the copy's identity to its principals, or run the copy as serviceAccountName: ${vm}`,
    }));
}

/** Policies that take hold of one side only: callers would be let in by one and refused by the other. */
export async function policiesForOneSide(scene: Scene, member: MemberCluster): Promise<readonly Finding[]> {
  const [policies, mesh] = await Promise.all([policiesIn(scene, member), meshConfigOf(scene, member)]);
  const { manifests, migration } = scene;
  const { namespace } = migration.metadata;
  const rootNamespace = mesh.rootNamespace ?? migration.spec.istio.namespace;
  const vm = (workloadGroup(migration).spec as { metadata: { labels: Record<string, string> } }).metadata
    .labels;
  const pods = manifests.filter(isWorkload).map((it) => podTemplate(it).metadata?.labels ?? {});
  return policies
    .filter((it) => [namespace, rootNamespace].includes(namespaceOf(it)))
    .flatMap((policy) => {
      const selector = fieldsOf(policy).selector?.matchLabels ?? {};
      const onVm = selects(selector, vm);
      const onCopy = pods.some((labels) => selects(selector, labels));
      if (onVm === onCopy) return [];
      return {
        why: `AuthorizationPolicy ${namespaceOf(policy)}/${policy.metadata.name} in ${member.name} selects ${JSON.stringify(selector)}, which only ${onVm ? 'the VM' : 'the copy'} has: the same caller may be let in by one side and refused by the other`,
        next: `see that both sides let in the same callers: kubectl --context ${member.member.context} -n ${namespaceOf(policy)} get authorizationpolicy ${policy.metadata.name} -o yaml`,
      };
    });
}

function policiesIn({ signal }: Scene, { kube }: MemberCluster): Promise<readonly KubeObject[]> {
  return kube.list({ apiVersion: istioSecurity, kind: 'AuthorizationPolicy' }, signal);
}

function fieldsOf(policy: KubeObject): PolicyFields {
  return (policy.spec ?? {}) as PolicyFields;
}

/** Istio's own: exact, `prefix*`, `*suffix`, or `*`. */
function matchesPattern(pattern: string, identity: string): boolean {
  if (pattern === '*') return true;
  if (pattern.endsWith('*')) return identity.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*')) return identity.endsWith(pattern.slice(1));
  return pattern === identity;
}
