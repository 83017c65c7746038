import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import type { Check, Finding } from './check.ts';

/** What Meshlift changes in every member, in the migration's namespace. */
const rightsInMembers = [
  { verb: 'patch', group: 'networking.istio.io', resource: 'virtualservices' },
  { verb: 'delete', group: 'networking.istio.io', resource: 'virtualservices' },
  { verb: 'patch', group: 'networking.istio.io', resource: 'serviceentries' },
  { verb: 'patch', group: 'networking.istio.io', resource: 'destinationrules' },
  { verb: 'patch', group: 'networking.istio.io', resource: 'workloadentries' },
  // For the caller that tests the copy from each member.
  { verb: 'create', group: '', resource: 'pods' },
  { verb: 'delete', group: '', resource: 'pods' },
] as const;

export const clusterChecks: readonly Check[] = [
  {
    id: 'clusters-reachable',
    category: 'clusters',
    sentence: 'every member cluster answers',
    severity: 'fatal',
    look: (context) =>
      firstFinding(context.members, async ({ kube }) => {
        await kube.version(context.signal);
        return null;
      }),
  },
  {
    id: 'clusters-rights',
    category: 'clusters',
    sentence: 'the credentials may write routes in every member cluster',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (context) =>
      firstFinding(context.members, async ({ name, kube, member }) => {
        const { namespace } = context.migration.metadata;
        for (const right of rightsInMembers) {
          if (await kube.may({ ...right, namespace }, context.signal)) continue;
          const what = `${right.verb} ${right.resource}${right.group && `.${right.group}`}`;
          return {
            why: `in ${name}, the user of context ${member.context} may not ${what} in namespace ${namespace}`,
            next: `kubectl --context ${member.context} auth can-i ${what} -n ${namespace}`,
          };
        }
        return null;
      }),
  },
  {
    id: 'clusters-istiod-ready',
    category: 'clusters',
    sentence: 'istiod is ready in every member cluster',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (context) =>
      firstFinding(context.members, async ({ name, kube, member }) => {
        const { namespace } = context.migration.spec.istio;
        const pods = await kube.list(
          { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'app=istiod' },
          context.signal,
        );
        const ready = pods.some((pod) =>
          (pod.status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions?.some(
            (it) => it.type === 'Ready' && it.status === 'True',
          ),
        );
        if (ready) return null;
        return {
          why: `${name} has no ready istiod in namespace ${namespace}`,
          next: `kubectl --context ${member.context} -n ${namespace} get pods; set spec.istio.namespace if Istio is elsewhere`,
        };
      }),
  },
  {
    id: 'clusters-one-root',
    category: 'clusters',
    sentence: 'every member cluster trusts the same root certificate',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: async (context) => {
      const roots = await Promise.all(
        context.members.map(async (member) => [member.name, await rootOf(context, member)] as const),
      );
      const absent = roots.find(([, fingerprint]) => fingerprint === null);
      const { namespace } = context.migration.metadata;
      if (absent) {
        return {
          why: `${absent[0]} has no ConfigMap istio-ca-root-cert in namespace ${namespace}`,
          next: `is namespace ${namespace} there, and does istiod run in ${absent[0]}?`,
        };
      }
      const [first, ...others] = roots;
      const other = others.find(([, fingerprint]) => fingerprint !== first?.[1]);
      if (!first || !other) return null;
      return {
        why: `${first[0]} and ${other[0]} trust different roots, so mTLS between them can't work`,
        next: 'give both istiods intermediates of one root (Secret cacerts): istio.io, Plug in CA Certificates',
      };
    },
  },
  {
    id: 'clusters-joined-by-remote-secrets',
    category: 'clusters',
    sentence: 'every member cluster discovers the others’ endpoints',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: async (context) => {
      if (context.migration.spec.topology !== 'endpoint-discovery') return null;
      return firstFinding(context.members, async (member) => {
        const secrets = await remoteSecrets(context, member);
        const missing = context.members.length - 1 - secrets.length;
        if (missing <= 0) return null;
        return {
          why: `${member.name} has ${secrets.length} remote secrets for ${context.members.length - 1} other member clusters`,
          next: 'istioctl create-remote-secret --name OTHER --context OTHER | kubectl apply -f -, in each direction; or spec.topology: global-names, for clusters that shall not read each other',
        };
      });
    },
  },
  {
    id: 'clusters-apart-for-global-names',
    category: 'clusters',
    sentence: 'where names are global, no member cluster discovers another’s endpoints',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: async (context) => {
      if (context.migration.spec.topology !== 'global-names') return null;
      return firstFinding(context.members, async (member) => {
        const [secret] = await remoteSecrets(context, member);
        if (!secret) return null;
        return {
          why: `${member.name} has the remote secret ${secret.metadata.name}: after completion its callers would have the pods twice, by discovery and by the gateway's stand-in`,
          next: 'spec.topology: endpoint-discovery, which needs no stand-ins',
        };
      });
    },
  },
];

async function remoteSecrets(
  { migration, signal }: EngineContext,
  { kube }: MemberCluster,
): Promise<readonly KubeObject[]> {
  return kube.list(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: migration.spec.istio.namespace,
      labelSelector: 'istio/multiCluster=true',
    },
    signal,
  );
}

async function rootOf(context: EngineContext, { kube }: MemberCluster): Promise<string | null> {
  const ref = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: context.migration.metadata.namespace,
    name: 'istio-ca-root-cert',
  };
  const object = await kube.get(ref, context.signal);
  const pem = (object?.data as Record<string, string> | undefined)?.['root-cert.pem'];
  return pem === undefined ? null : new X509Certificate(pem).fingerprint256;
}

/** Looks at every member at once; the first finding in the order of the migration file is told. */
export async function firstFinding(
  members: readonly MemberCluster[],
  look: (member: MemberCluster) => Promise<Finding | null>,
): Promise<Finding | null> {
  const findings = await Promise.all(members.map(look));
  return findings.find((it) => it !== null) ?? null;
}
