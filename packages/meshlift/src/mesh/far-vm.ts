import type { KubeObject } from '../effects/kube/port.ts';
import type { Migration } from '../spec/migration.ts';
import { homeOf } from '../spec/migration.ts';
import { farVmLabels, ownLabels } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';
import { sideName } from './names.ts';
import { portName } from './port-name.ts';

/**
 * The VM's stand-in in a member cluster that does not read the home cluster's API server, where the VM registers: its
 * address, as the callers there reach it. None where the registration itself is read. Nobody probes it there: should
 * the VM fail, those callers' proxies find out by themselves and eject it.
 */
export function farVmObjects(migration: Migration, cluster: string): readonly KubeObject[] {
  const { service, topology, vm } = migration.spec;
  if (topology !== 'global-names' || cluster === homeOf(migration).name) return [];
  return [
    {
      apiVersion: istioNetworking,
      kind: 'WorkloadEntry',
      metadata: {
        name: `meshlift-${sideName(migration, 'vm')}-in-${cluster}`,
        namespace: migration.metadata.namespace,
        labels: ownLabels(migration),
      },
      spec: {
        address: vm.host,
        ports: { [portName(service.protocol)]: service.port },
        labels: farVmLabels(migration, cluster),
        network: vm.network,
        serviceAccount: vm.serviceAccount,
      },
    },
  ];
}
