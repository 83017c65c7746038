import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';

const lab = resolve(import.meta.dirname, '../packages/shop/manifests/lab');

/** What of the shop a scenario has otherwise than the lab's manifests. */
export interface ShopWishes {
  readonly topology: 'endpoint-discovery' | 'global-names';
  /** where the catalog is; its callers are in `default` */
  readonly namespace: string;
  /** settings of the load generator, by the names of its environment variables */
  readonly customers: Readonly<Record<string, string>>;
}

/** Writes the overlay of one cluster's manifests into a folder. Customers are in cluster2; a cluster after it only calls the catalog. */
export async function writeShopOverlay(
  folder: string,
  cluster: string,
  { topology, namespace, customers }: ShopWishes,
): Promise<void> {
  const further = !['cluster1', 'cluster2'].includes(cluster);
  const settings = Object.entries(customers).map(([name, value]) => ({ name, value }));
  const patches = [
    ...(settings.length === 0 || cluster !== 'cluster2' ? [] : [patchOf('loadgenerator', settings)]),
    ...(namespace === 'default' ? [] : [callsTo(`productcatalogservice.${namespace}:3550`)]),
    // Of what runs in cluster1, a further cluster has the one program that does little but call the catalog.
    ...(further ? [without('(ad|checkout|currency|email|payment|shipping)service'), runsIn(cluster)] : []),
  ];
  const resources = [relative(folder, join(lab, topology, further ? 'cluster1' : cluster))];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'kustomization.yaml'), stringify({ resources, patches }));
}

interface Patch {
  readonly target: { readonly kind: string; readonly name: string };
  readonly patch: string;
}

function patchOf(name: string, env: readonly { readonly name: string; readonly value: string }[]): Patch {
  const spec = { template: { spec: { containers: [{ name: 'server', env }] } } };
  const patch = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any' }, spec };
  return { target: { kind: 'Deployment', name }, patch: stringify(patch) };
}

function runsIn(cluster: string): Patch {
  return patchOf('.*', [{ name: 'CLUSTER', value: cluster }]);
}

function without(name: string): Patch {
  const patch = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'any' }, $patch: 'delete' };
  return { target: { kind: 'Deployment', name }, patch: stringify(patch) };
}

function callsTo(address: string): Patch {
  const env = [{ name: 'PRODUCT_CATALOG_SERVICE_ADDR', value: address }];
  return patchOf('(frontend|checkoutservice|recommendationservice|loadgenerator)', env);
}
