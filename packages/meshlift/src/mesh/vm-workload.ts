import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { ownLabels, vmLabels } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';
import { sideName } from './names.ts';
import { endpointPorts } from './port-name.ts';

/**
 * The VM's identity. It is not decoration: an endpoint without a service account is spoken to in plaintext, and
 * behind a gateway it is dropped.
 */
export function vmAccount(migration: Migration): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: migration.spec.vm.serviceAccount,
      namespace: migration.metadata.namespace,
      labels: ownLabels(migration),
    },
  };
}

/** What the VM registers under, in the home cluster; whoever may act as its service account may join it. */
export function workloadGroup(migration: Migration): KubeObject {
  const { spec } = migration;
  return {
    apiVersion: istioNetworking,
    kind: 'WorkloadGroup',
    metadata: { ...workloadGroupRef(migration), labels: ownLabels(migration) },
    spec: {
      metadata: {
        labels: { app: sideName(migration, 'vm'), ...ownLabels(migration), ...vmLabels(migration) },
      },
      template: {
        serviceAccount: spec.vm.serviceAccount,
        network: spec.vm.network,
        ports: endpointPorts(migration),
      },
      probe: spec.vm.probe,
    },
  };
}

export function workloadGroupRef(migration: Migration): {
  readonly name: string;
  readonly namespace: string;
} {
  return { name: sideName(migration, 'vm'), namespace: migration.metadata.namespace };
}

/** Whether an endpoint, `ip:port` as proxies write it, is one of the VMs. */
export function isVmEndpoint(migration: Migration, endpoint: string): boolean {
  return migration.spec.vm.machines.some(({ host }) =>
    endpoint.startsWith(host.includes(':') ? `[${host}]:` : `${host}:`),
  );
}
