import type { MemberCluster } from '../../engine/context.ts';
import type { Finding } from '../check.ts';
import { inEveryMember } from '../in-every-member.ts';
import type { Scene } from '../scene.ts';

/** What must be allowed: each verb on the resource, everywhere, in Istio's namespace, or in the migration's. */
export interface Right {
  readonly verbs: readonly string[];
  /** '' is Kubernetes' own */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly where: 'everywhere' | 'istio' | 'migration';
}

const networking = 'networking.istio.io';
const security = 'security.istio.io';
/** A server-side apply is a patch, and a creation where there was nothing. */
const applied = ['get', 'list', 'create', 'patch', 'delete'] as const;
/** Whatever somebody else put in beside what is applied is taken out by an update. */
const keptExactly = [...applied, 'update'] as const;
const read = ['get', 'list'] as const;

/** The least that the credentials need, by what a cluster is to the migration; docs/reference/permissions.md. */
export const rights: Readonly<Record<'member' | 'home' | 'target', readonly Right[]>> = {
  member: [
    { verbs: read, group: '', resource: 'pods', where: 'everywhere' },
    { verbs: ['get'], group: '', resource: 'pods', subresource: 'proxy', where: 'everywhere' },
    {
      verbs: ['get', 'create'],
      group: '',
      resource: 'pods',
      subresource: 'portforward',
      where: 'everywhere',
    },
    { verbs: ['get', 'list'], group: '', resource: 'namespaces', where: 'everywhere' },
    { verbs: ['list'], group: '', resource: 'services', where: 'everywhere' },
    ...['virtualservices', 'destinationrules', 'serviceentries', 'sidecars', 'envoyfilters', 'gateways'].map(
      (resource): Right => ({ verbs: ['list'], group: networking, resource, where: 'everywhere' }),
    ),
    ...['authorizationpolicies', 'peerauthentications'].map(
      (resource): Right => ({ verbs: ['list'], group: security, resource, where: 'everywhere' }),
    ),
    ...['httproutes', 'grpcroutes'].map(
      (resource): Right => ({
        verbs: ['list'],
        group: 'gateway.networking.k8s.io',
        resource,
        where: 'everywhere',
      }),
    ),
    { verbs: ['get'], group: '', resource: 'configmaps', where: 'istio' },
    { verbs: ['get'], group: '', resource: 'services', where: 'istio' },
    { verbs: ['list'], group: '', resource: 'secrets', where: 'istio' },
    // The caller that tests the copy from each member.
    { verbs: ['create', 'delete'], group: '', resource: 'pods', where: 'migration' },
    { verbs: ['get'], group: '', resource: 'services', where: 'migration' },
    { verbs: ['get'], group: '', resource: 'configmaps', where: 'migration' },
    ...['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries'].map(
      (resource): Right => ({ verbs: keptExactly, group: networking, resource, where: 'migration' }),
    ),
    // One owner of a migration, in every cluster.
    {
      verbs: ['get', 'create', 'update', 'delete'],
      group: 'coordination.k8s.io',
      resource: 'leases',
      where: 'migration',
    },
  ],
  home: [
    {
      verbs: ['get', 'create', 'patch'],
      group: 'apiextensions.k8s.io',
      resource: 'customresourcedefinitions',
      where: 'everywhere',
    },
    // Which revision a tag of the namespace stands for.
    {
      verbs: ['list'],
      group: 'admissionregistration.k8s.io',
      resource: 'mutatingwebhookconfigurations',
      where: 'everywhere',
    },
    { verbs: ['list'], group: 'apps', resource: 'deployments', where: 'istio' },
    { verbs: applied, group: 'meshlift.dev', resource: 'migrations', where: 'migration' },
    {
      verbs: ['patch'],
      group: 'meshlift.dev',
      resource: 'migrations',
      subresource: 'status',
      where: 'migration',
    },
    { verbs: applied, group: networking, resource: 'workloadgroups', where: 'migration' },
    {
      verbs: ['get', 'create', 'update', 'delete'],
      group: '',
      resource: 'serviceaccounts',
      where: 'migration',
    },
    { verbs: ['create'], group: '', resource: 'serviceaccounts', subresource: 'token', where: 'migration' },
    {
      verbs: ['get', 'create', 'patch', 'delete'],
      group: '',
      resource: 'configmaps',
      where: 'migration',
    },
  ],
  target: [
    { verbs: ['list'], group: '', resource: 'resourcequotas', where: 'migration' },
    { verbs: ['list'], group: '', resource: 'limitranges', where: 'migration' },
    { verbs: ['list'], group: 'policy', resource: 'poddisruptionbudgets', where: 'migration' },
    { verbs: ['list'], group: 'autoscaling', resource: 'horizontalpodautoscalers', where: 'migration' },
  ],
};

/** An administrator may do all, and is asked nothing more. */
const everything = { verb: '*', group: '*', resource: '*' };

/** Everything that some member refuses, a finding for each member. */
export function missingRights(scene: Scene): Promise<readonly Finding[]> {
  return inEveryMember(scene.members, async (member) => {
    if (await member.kube.may(everything, scene.signal)) return null;
    const asked = wanted(scene, member).flatMap((right) => right.verbs.map((verb) => ({ verb, right })));
    const answers = await Promise.all(
      asked.map(async ({ verb, right }) => ({
        verb,
        right,
        allowed: await member.kube.may(access(scene, verb, right), scene.signal),
      })),
    );
    const refused = answers.filter(({ allowed }) => !allowed);
    const [first] = refused;
    if (!first) return null;
    const { context } = member.member;
    const { namespace } = access(scene, first.verb, first.right);
    return {
      why: `in ${member.name}, the user of context ${context} may not ${refused.map(({ verb, right }) => inWords(scene, verb, right)).join('; ')}`,
      next: `have them granted (docs/reference/permissions.md); ask again: kubectl --context ${context} auth can-i ${first.verb} ${nameOf(first.right)} ${namespace ? `-n ${namespace}` : '--all-namespaces'}`,
    };
  });
}

function wanted({ home, target }: Scene, { name }: MemberCluster): readonly Right[] {
  return [
    ...rights.member,
    ...(name === home.name ? rights.home : []),
    ...(name === target.name ? rights.target : []),
  ];
}

function access({ migration }: Scene, verb: string, { group, resource, subresource, where }: Right) {
  const namespace = {
    everywhere: undefined,
    istio: migration.spec.istio.namespace,
    migration: migration.metadata.namespace,
  }[where];
  return {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
  };
}

function inWords(scene: Scene, verb: string, right: Right): string {
  const { namespace } = access(scene, verb, right);
  return `${verb} ${nameOf(right)} ${namespace ? `in namespace ${namespace}` : 'in all namespaces'}`;
}

function nameOf({ group, resource, subresource }: Right): string {
  return `${resource}${group ? `.${group}` : ''}${subresource ? `/${subresource}` : ''}`;
}
