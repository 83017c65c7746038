import type { KubeObject } from '../effects/kube/port.ts';
import { type Migration, portsOf } from '../spec/migration.ts';
import { memberLabel, ownLabels } from './marks.ts';
import { serviceHost } from './names.ts';
import { namedPorts } from './port-name.ts';
import { reservedAddress } from './reserved-address.ts';

/** Istio's API version that every release since 1.22 serves. */
export const istioNetworking = 'networking.istio.io/v1';

/** A host of Meshlift's own: the name of its objects, and the name in the mesh. */
export interface MeshHost {
  readonly name: string;
  readonly host: string;
}

/** Gives a host the endpoints of one member cluster that have these labels. */
export function hostEntry(
  migration: Migration,
  cluster: string,
  { name, host }: MeshHost,
  labels: Readonly<Record<string, string>>,
): KubeObject {
  const { service } = migration.spec;
  return {
    apiVersion: istioNetworking,
    kind: 'ServiceEntry',
    metadata: metadata(migration, name),
    spec: {
      hosts: [host],
      // A TCP host without an address would get a listener for every address with its port, and with it what goes to
      // addresses that nobody knows. Proxies tell HTTP hosts apart by their names.
      ...(service.protocol === 'tcp' && { addresses: [reservedAddress(host)] }),
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: namedPorts(migration).map((it) => ({
        name: it.name,
        number: it.port,
        protocol: it.protocol.toUpperCase(),
      })),
      workloadSelector: { labels: { [memberLabel(cluster)]: migration.metadata.name, ...labels } },
    },
  };
}

/** How callers speak to a host: mutual TLS always, and whatever else is said. */
export function hostRule(migration: Migration, { name, host }: MeshHost, trafficPolicy: object): KubeObject {
  return {
    apiVersion: istioNetworking,
    kind: 'DestinationRule',
    metadata: metadata(migration, name),
    spec: {
      host,
      trafficPolicy: policyOfPorts(migration, trafficPolicy),
    },
  };
}

/** What is said for one port is not completed by what is said for all, so with several ports each says everything. */
function policyOfPorts(migration: Migration, trafficPolicy: object): object {
  const [first, ...more] = portsOf(migration).map(({ port }) => ({
    port: { number: port },
    policy: {
      // Where the copy is behind the far cluster's gateway, that gateway routes by this name; the VM ignores it.
      tls: { mode: 'ISTIO_MUTUAL', sni: `outbound_.${port}_._.${serviceHost(migration)}` },
      ...structuredClone(trafficPolicy),
    },
  }));
  if (!first) throw new TypeError('the schema admits no service without a port');
  if (more.length === 0) return first.policy;
  return { portLevelSettings: [first, ...more].map(({ port, policy }) => ({ port, ...policy })) };
}

function metadata(migration: Migration, name: string): KubeObject['metadata'] {
  return { name, namespace: migration.metadata.namespace, labels: ownLabels(migration) };
}
