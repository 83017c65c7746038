import type { KubeObject } from '../effects/kube/port.ts';
import type { Side } from '../migration/traffic-split.ts';
import type { Migration } from '../spec/migration.ts';
import { memberLabel, ownLabels, sideLabel } from './marks.ts';
import { serviceHost, sideHost, sideName } from './names.ts';
import { portName } from './port-name.ts';

/** Istio's API version that every release since 1.22 serves. */
export const istioNetworking = 'networking.istio.io/v1';

/**
 * One side as a mesh host, in one member cluster: a ServiceEntry with its endpoints and a DestinationRule with the
 * order in which they are used. With the safety net, a side holds *both* sides' endpoints, its own first: Istio does
 * not fail over between weighted destinations, so each destination must be able to survive its own side's death.
 * Before there is a copy the net has nothing to catch with, and ejecting the only endpoint would itself be the outage.
 */
export function sideHostObjects(
  migration: Migration,
  side: Side,
  cluster: string,
  copy: 'absent' | 'present',
): readonly KubeObject[] {
  return [serviceEntry(migration, side, cluster), destinationRule(migration, side, copy)];
}

function serviceEntry(migration: Migration, side: Side, cluster: string): KubeObject {
  const { service, net } = migration.spec;
  const ownEndpointsOnly = net.retries === 'off' ? { [sideLabel]: side } : {};
  return {
    apiVersion: istioNetworking,
    kind: 'ServiceEntry',
    metadata: metadata(migration, side),
    spec: {
      hosts: [sideHost(migration, side)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [
        { name: portName(service.protocol), number: service.port, protocol: service.protocol.toUpperCase() },
      ],
      workloadSelector: { labels: { [memberLabel(cluster)]: migration.metadata.name, ...ownEndpointsOnly } },
    },
  };
}

/**
 * Connection failures and gateway errors eject an endpoint, so that the other side's take over; an application's own
 * 5xx answers do not: they are the side's answers, and the gate judges them.
 */
const ejection = {
  consecutiveGatewayErrors: 3,
  consecutive5xxErrors: 0,
  interval: '1s',
  baseEjectionTime: '10s',
  maxEjectionPercent: 100,
};

function destinationRule(migration: Migration, side: Side, copy: 'absent' | 'present'): KubeObject {
  const { service, net } = migration.spec;
  const failover = {
    // Istio orders endpoints by failoverPriority only where outlierDetection is set, and the order must hold from the
    // first moment at which the copy's endpoints appear: without it a side would balance over both.
    outlierDetection: copy === 'present' ? ejection : { ...ejection, consecutiveGatewayErrors: 0 },
    loadBalancer: {
      simple: 'LEAST_REQUEST',
      localityLbSetting: { enabled: true, failoverPriority: [`${sideLabel}=${side}`] },
    },
  };
  return {
    apiVersion: istioNetworking,
    kind: 'DestinationRule',
    metadata: metadata(migration, side),
    spec: {
      host: sideHost(migration, side),
      trafficPolicy: {
        // Where the copy is behind the far cluster's gateway, that gateway routes by this name; the VM ignores it.
        tls: { mode: 'ISTIO_MUTUAL', sni: `outbound_.${service.port}_._.${serviceHost(migration)}` },
        ...(net.retries === 'off' ? {} : failover),
      },
    },
  };
}

function metadata(migration: Migration, side: Side): KubeObject['metadata'] {
  return {
    name: `meshlift-${sideName(migration, side)}`,
    namespace: migration.metadata.namespace,
    labels: ownLabels(migration),
  };
}
