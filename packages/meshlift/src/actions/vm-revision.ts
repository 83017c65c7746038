import type { EngineContext } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';

const revisionLabel = 'istio.io/rev';

/**
 * The revision of the control plane that the VM joins, `default` for one without: what the migration file says, else
 * what serves the service's namespace in the home cluster. A namespace may name a tag, which stands for a revision as
 * long as some injection webhook says so; a VM dials a control plane, and those are named by revisions.
 */
export async function revisionOfVm({ home, migration, signal }: EngineContext): Promise<string> {
  const { revision } = migration.spec.istio;
  if (revision) return revision;
  const { namespace } = migration.metadata;
  const object = await home.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, signal);
  const label = object?.metadata.labels?.[revisionLabel];
  if (!label || label === 'default') return 'default';
  const [tag] = await home.kube.list(
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      labelSelector: `istio.io/tag=${label}`,
    },
    signal,
  );
  if (!tag) return label;
  const named = tag.metadata.labels?.[revisionLabel];
  if (named) return named;
  throw new MeshliftError('cluster-refused', {
    where: `MutatingWebhookConfiguration ${tag.metadata.name} in ${home.name}`,
    why: `it is the revision tag ${label} of namespace ${namespace}, but does not name a revision in ${revisionLabel}`,
    next: 'name the revision of the control plane that the VM joins: spec.istio.revision',
  });
}
