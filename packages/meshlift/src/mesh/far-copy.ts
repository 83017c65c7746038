import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { targetOf } from '../spec/migration.ts';
import { k8sLabels, ownLabels } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';
import { endpointPorts } from './port-name.ts';

/** Where the east-west gateways of a multi-network mesh receive traffic for other clusters' services. */
export const eastWestPort = 15_443;

/** Name of what leads from one cluster to the service in another. */
export function wayName(migration: Migration, from: string, to: string): string {
  return `meshlift-${migration.spec.service.name}-${from}-to-${to}`;
}

/**
 * The copy's stand-ins in a member cluster other than the target's: the target's gateway, once per address, labelled
 * as this cluster's k8s side. Endpoints that a remote secret brings lose their labels behind a gateway, so the side
 * hosts could not tell them apart.
 */
export function farCopyObjects(
  migration: Migration,
  cluster: string,
  gatewayAddresses: readonly string[],
  serviceAccount: string,
): readonly KubeObject[] {
  return gatewayAddresses.map((address, i) => ({
    apiVersion: istioNetworking,
    kind: 'WorkloadEntry',
    metadata: {
      // Where clusters read each other's WorkloadEntries, those of one name would be taken for one and the same.
      name: `${wayName(migration, cluster, targetOf(migration).name)}${i === 0 ? '' : `-${i + 1}`}`,
      namespace: migration.metadata.namespace,
      labels: ownLabels(migration),
    },
    spec: {
      address,
      ports: endpointPorts(migration, eastWestPort),
      labels: k8sLabels(migration, cluster),
      serviceAccount,
    },
  }));
}
