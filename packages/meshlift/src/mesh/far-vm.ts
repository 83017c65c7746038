import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { homeOf } from '../spec/migration.ts';
import { farVmLabels, ownLabels } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';
import { sideName } from './names.ts';
import { endpointPorts } from './port-name.ts';

/**
 * The VMs' stand-ins, one for each, in a member cluster that does not read the home cluster's API server, where VMs register: its
 * address, as the callers there reach it. None where the registrations themselves are read. Nobody probes a VM there:
 * should it fail, those callers' proxies find out by themselves and eject it.
 */
export function farVmObjects(migration: Migration, cluster: string): readonly KubeObject[] {
  const { topology, vm } = migration.spec;
  if (topology !== 'global-names' || cluster === homeOf(migration).name) return [];
  return vm.machines.map(({ host }, i) => ({
    apiVersion: istioNetworking,
    kind: 'WorkloadEntry',
    metadata: {
      name: `meshlift-${sideName(migration, 'vm')}-in-${cluster}${i === 0 ? '' : `-${i + 1}`}`,
      namespace: migration.metadata.namespace,
      labels: ownLabels(migration),
    },
    spec: {
      address: host,
      ports: endpointPorts(migration),
      labels: farVmLabels(migration, cluster),
      network: vm.network,
      serviceAccount: vm.serviceAccount,
    },
  }));
}
