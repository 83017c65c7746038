import type { KubeObject } from '../effects/kube/port.ts';
import type { Side } from '../migration/traffic-split.ts';
import { type Migration, portsOf } from '../spec/migration.ts';
import { aloneHostObjects } from './alone-host.ts';
import { sideLabel } from './marks.ts';
import { hostEntry, hostRule } from './mesh-host.ts';
import { sideHost, sideName } from './names.ts';

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
  const withNet = migration.spec.net.retries !== 'off';
  const own = { name: `meshlift-${sideName(migration, side)}`, host: sideHost(migration, side) };
  return [
    hostEntry(migration, cluster, own, withNet ? {} : { [sideLabel]: side }),
    hostRule(migration, own, withNet ? { ...noticesSilence(migration), ...failover(side, copy) } : {}),
    ...aloneHostObjects(migration, side, cluster),
  ];
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

/**
 * An endpoint that is cut off in silence resets nothing and answers nothing: callers would wait on its connections until
 * their own deadlines, and the kernel for a quarter of an hour. Pings of HTTP/2 find out, without limiting how long a call
 * may take. (They need Istio 1.31; HTTP/1.1 has none, but its new requests need new connections.)
 * Istio lets the first retry go to the side that failed as well, so what a call loses before the other side has it is both
 * times together, notice and connection: they stay well under the five seconds that callers often give a call.
 */
function noticesSilence(migration: Migration): object {
  // Long enough for a lost first packet to be sent again, and for two round trips to the other end of the world.
  const tcp = { connectTimeout: '1500ms' };
  if (portsOf(migration).every(({ protocol }) => protocol === 'tcp')) return { connectionPool: { tcp } };
  return { connectionPool: { tcp, http: { http2KeepAlive: { interval: '500ms', timeout: '2s' } } } };
}

function failover(side: Side, copy: 'absent' | 'present'): object {
  return {
    // Istio orders endpoints by failoverPriority only where outlierDetection is set, and the order must hold from the
    // first moment at which the copy's endpoints appear: without it a side would balance over both.
    outlierDetection: copy === 'present' ? ejection : { ...ejection, consecutiveGatewayErrors: 0 },
    loadBalancer: {
      simple: 'LEAST_REQUEST',
      localityLbSetting: { enabled: true, failoverPriority: [`${sideLabel}=${side}`] },
    },
  };
}
