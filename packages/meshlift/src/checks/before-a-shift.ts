import type { Check } from './check.ts';
import { clusterChecks } from './clusters.ts';
import { meshChecks } from './mesh.ts';
import { trafficChecks } from './traffic.ts';

/**
 * What somebody else may have put in the way of requests since the copy was deployed, and what no verification of a split
 * would notice. All the rest was looked at when the migration began, and shows in the shift itself, which then returns
 * every cluster: missing rights when a write is refused, an istiod or a proxy that is not well when it does not
 * acknowledge, counters that can't be read when callers are not seen following.
 */
const ids: ReadonlySet<string> = new Set([
  'clusters-reachable',
  // The name is still there, and still the copy's.
  'mesh-service-in-every-member',
  'mesh-service-selects-the-copy',
  // Nobody else decides where its requests go.
  'mesh-no-other-virtualservice',
  'mesh-no-other-destinationrule',
  'mesh-no-other-serviceentry',
  'mesh-no-other-route',
  // Every caller follows the split.
  'mesh-gateways-follow-the-split',
  'mesh-sidecar-egress',
  'traffic-callers-have-sidecars',
  // The copy lets in whom the VM lets in.
  'mesh-authorization-of-the-copy',
  'mesh-mutual-tls',
]);

export const checksBeforeAShift: readonly Check[] = [
  ...clusterChecks,
  ...meshChecks,
  ...trafficChecks,
].filter(({ id }) => ids.has(id));
