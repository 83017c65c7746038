import { parse } from 'yaml';
import type { KubeObject } from '../kube/api-client.ts';

/** Istio for one cluster, in the parts in which it has to be applied. */
export interface IstioManifests {
  /** As text: parsing 20,000 lines that nobody looks into would take a second of the boot. */
  readonly definitions: readonly { readonly name: string; readonly yaml: string }[];
  /** Everything but the definitions, the gateways' Deployments and the webhooks. */
  readonly base: readonly KubeObject[];
  /** They call istiod, so they come when there is one to come. */
  readonly webhooks: readonly KubeObject[];
  /** Their pods are injected, so they come when the injector answers. */
  readonly gateways: readonly KubeObject[];
}

/** Sorts the output of `istioctl manifest generate`. */
export function sortManifests(text: string): IstioManifests {
  const documents = text
    .split(/^---$/m)
    .map((document) => document.trim())
    .filter((document) => document !== '');
  const isDefinition = (document: string) => /^kind: CustomResourceDefinition$/m.test(document);
  const objects = documents
    .filter((document) => !isDefinition(document))
    .map((document) => parse(document) as KubeObject);
  const isWebhook = ({ kind }: KubeObject) => kind.endsWith('WebhookConfiguration');
  const isGateway = ({ kind, metadata }: KubeObject) => kind === 'Deployment' && metadata.name !== 'istiod';
  return {
    definitions: documents.filter(isDefinition).map((yaml) => ({ name: nameOf(yaml), yaml })),
    base: objects.filter((object) => !isWebhook(object) && !isGateway(object)),
    webhooks: objects.filter(isWebhook),
    gateways: objects.filter(isGateway),
  };
}

function nameOf(definition: string): string {
  // The only key `name` at this depth is the definition's own, under metadata.
  const name = /^metadata:\n(?: .*\n)*? {2}name: (\S+)$/m.exec(definition)?.[1];
  if (!name)
    throw new Error(`istioctl wrote a CustomResourceDefinition without a name: ${definition.slice(0, 200)}`);
  return name;
}
