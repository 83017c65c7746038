import type { MemberCluster } from '../engine/context.ts';
import type { Check } from './check.ts';
import { inEveryMember } from './in-every-member.ts';
import { policiesForOneSide, policiesForVmAlone } from './mesh/authorization.ts';
import {
  absentService,
  addressOfService,
  portsLeftBehind,
  protocolOfService,
  selectorOfService,
  targetPortOfService,
} from './mesh/called-service.ts';
import {
  filtersInTheWay,
  gatewaysPastTheSplit,
  othersOnHost,
  routesOfService,
} from './mesh/foreign-objects.ts';
import { addressOfGateway, closedGateway, gatewayReachable, singleGateways } from './mesh/gateways.ts';
import { plaintextSides } from './mesh/mutual-tls.ts';
import { exportsKeptBack, sidecarsWithoutSides } from './mesh/visibility.ts';
import type { Scene } from './scene.ts';

type LookAtMember = (scene: Scene, member: MemberCluster) => ReturnType<Parameters<typeof inEveryMember>[1]>;

const everywhere =
  (look: LookAtMember): Check['look'] =>
  (scene) =>
    inEveryMember(scene.members, (member) => look(scene, member));

export const meshChecks: readonly Check[] = [
  {
    id: 'mesh-service-in-every-member',
    category: 'mesh',
    sentence: 'the Service that clients call is in every member cluster, with the migration’s port',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(absentService),
  },
  {
    id: 'mesh-service-has-an-address',
    category: 'mesh',
    sentence: 'the Service’s name has an address, also while it has no pods',
    severity: 'fatal',
    after: 'mesh-service-in-every-member',
    look: everywhere(addressOfService),
  },
  {
    id: 'mesh-service-protocol',
    category: 'mesh',
    sentence: 'Istio reads the migration’s protocol from the Service’s port',
    severity: 'fatal',
    after: 'mesh-service-in-every-member',
    look: everywhere(protocolOfService),
  },
  {
    id: 'mesh-service-whole',
    category: 'mesh',
    sentence: 'the migration moves every port that the Service has',
    severity: 'warning',
    after: 'mesh-service-in-every-member',
    look: everywhere(portsLeftBehind),
  },
  {
    id: 'mesh-service-target-port',
    category: 'mesh',
    sentence: 'the Service’s port is the port on which both sides listen',
    severity: 'fatal',
    after: 'mesh-service-in-every-member',
    look: everywhere(targetPortOfService),
  },
  {
    id: 'mesh-service-selects-the-copy',
    category: 'mesh',
    sentence: 'the Service selects the copy’s pods, and not the VM',
    severity: 'fatal',
    after: 'mesh-service-in-every-member',
    look: everywhere(selectorOfService),
  },
  ...(['VirtualService', 'DestinationRule', 'ServiceEntry'] as const).map(
    (kind): Check => ({
      id: `mesh-no-other-${kind.toLowerCase()}`,
      category: 'mesh',
      sentence: `no ${kind} of someone else’s is on the service’s host`,
      severity: 'fatal',
      after: 'clusters-reachable',
      look: everywhere((scene, member) => othersOnHost(scene, member, kind)),
    }),
  ),
  {
    id: 'mesh-no-other-route',
    category: 'mesh',
    sentence: 'no route of the Gateway API has the Service as its parent',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(routesOfService),
  },
  {
    id: 'mesh-no-envoyfilter',
    category: 'mesh',
    sentence: 'no EnvoyFilter is made for the service’s name or port',
    severity: 'warning',
    after: 'clusters-reachable',
    look: everywhere(filtersInTheWay),
  },
  {
    id: 'mesh-gateways-follow-the-split',
    category: 'mesh',
    sentence: 'no gateway sends requests to the service past the split',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(gatewaysPastTheSplit),
  },
  {
    id: 'mesh-sidecar-egress',
    category: 'mesh',
    sentence: 'every Sidecar that lists the service in its egress lists the side hosts, too',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(sidecarsWithoutSides),
  },
  {
    id: 'mesh-exports',
    category: 'mesh',
    sentence: 'routes and services are exported to every namespace',
    severity: 'warning',
    after: 'clusters-reachable',
    look: everywhere(exportsKeptBack),
  },
  {
    id: 'mesh-authorization-of-the-copy',
    category: 'mesh',
    sentence: 'whoever lets in the VM by its identity lets in the copy, too',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(policiesForVmAlone),
  },
  {
    id: 'mesh-authorization-of-callers',
    category: 'mesh',
    sentence: 'every AuthorizationPolicy holds for both sides, or for neither',
    severity: 'warning',
    after: 'clusters-reachable',
    look: everywhere(policiesForOneSide),
  },
  {
    id: 'mesh-mutual-tls',
    category: 'mesh',
    sentence: 'neither side is told to refuse mutual TLS',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: everywhere(plaintextSides),
  },
  {
    id: 'mesh-gateway-address',
    category: 'mesh',
    sentence: 'the target cluster’s east-west gateway has an address',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: addressOfGateway,
  },
  {
    id: 'mesh-gateway-lets-through',
    category: 'mesh',
    sentence: 'the target cluster’s east-west gateway lets the service’s name through',
    severity: 'fatal',
    after: 'mesh-gateway-address',
    look: closedGateway,
  },
  {
    id: 'mesh-gateway-reachable',
    category: 'mesh',
    sentence: 'proxies of the other members reach the target cluster’s east-west gateway',
    severity: 'warning',
    after: 'mesh-gateway-address',
    look: gatewayReachable,
  },
  {
    id: 'mesh-gateway-has-a-spare',
    category: 'mesh',
    sentence: 'the target cluster’s east-west gateway has more than one pod',
    severity: 'warning',
    after: 'mesh-gateway-address',
    look: singleGateways,
  },
];
