import type { KubeObject } from '../effects/kube/port.ts';
import { type Migration, targetOf } from '../spec/migration.ts';
import { eastWestPort, wayName } from './far-copy.ts';
import { standInLabel } from './marks.ts';
import { istioNetworking } from './mesh-host.ts';

interface ServiceFields {
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name?: string; readonly targetPort?: number | string }[];
}

/**
 * What stands behind the service's own name in a cluster that neither has the pods nor reads those of the target: the
 * target's gateway, once per address, with the labels that the Service selects. Istio balances over pods and such
 * entries alike, and names the service in each call's SNI, by which the gateway finds the pods. It is all that stays
 * in a mesh of global names once a migration has ended. None in other meshes, nor where the pods are.
 */
export function homeStandIns(
  migration: Migration,
  cluster: string,
  service: KubeObject,
  gatewayAddresses: readonly string[],
  serviceAccount: string,
): readonly KubeObject[] {
  const target = targetOf(migration).name;
  if (migration.spec.topology !== 'global-names' || cluster === target) return [];
  const { ports = [], selector = {} } = (service.spec ?? {}) as ServiceFields;
  return gatewayAddresses.map((address, i) => ({
    apiVersion: istioNetworking,
    kind: 'WorkloadEntry',
    metadata: {
      name: `${wayName(migration, cluster, target)}-home${i === 0 ? '' : `-${i + 1}`}`,
      namespace: migration.metadata.namespace,
      labels: { [standInLabel]: migration.metadata.name },
    },
    spec: {
      address,
      ports: Object.fromEntries(ports.flatMap((port) => entryPorts(port))),
      labels: { ...selector },
      serviceAccount,
    },
  }));
}

/** Istio looks up the target port's name if it has one, else the port's own: a port without either can't lead elsewhere. */
export function entryPortName({
  name,
  targetPort,
}: {
  name?: string;
  targetPort?: number | string;
}): string | null {
  return (typeof targetPort === 'string' && targetPort !== '' ? targetPort : name) || null;
}

function entryPorts(port: { name?: string; targetPort?: number | string }): [string, number][] {
  const name = entryPortName(port);
  return name === null ? [] : [[name, eastWestPort]];
}
