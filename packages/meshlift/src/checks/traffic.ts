import type { Check } from './check.ts';
import { inEveryMember } from './in-every-member.ts';
import { onEveryVm } from './on-every-vm.ts';
import { callersFromElsewhere, callersThatStrictRefuses, callersWithoutSidecar } from './traffic/callers.ts';
import { rejectedConfiguration, unreadableMetrics } from './traffic/proxies.ts';

export const trafficChecks: readonly Check[] = [
  {
    id: 'traffic-metrics-readable',
    category: 'traffic',
    sentence: 'the counters of every calling proxy can be read',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: (scene) => inEveryMember(scene.members, (member) => unreadableMetrics(scene, member)),
  },
  {
    id: 'traffic-proxies-accept',
    category: 'traffic',
    sentence: 'every proxy has taken what istiod sent it last',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: (scene) => inEveryMember(scene.members, (member) => rejectedConfiguration(scene, member)),
  },
  {
    id: 'traffic-callers-have-sidecars',
    category: 'traffic',
    sentence: 'every pod that is configured to call the service has a sidecar',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: (scene) => inEveryMember(scene.members, (member) => callersWithoutSidecar(scene, member)),
  },
  {
    id: 'traffic-callers-are-let-in',
    category: 'traffic',
    sentence: 'the VM will go on letting in everyone who is connected to it',
    severity: 'fatal',
    after: 'clusters-reachable',
    look: onEveryVm(callersThatStrictRefuses),
  },
  {
    id: 'traffic-callers-are-members',
    category: 'traffic',
    sentence: 'everyone who is connected to the service on the VM is of a member cluster',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(callersFromElsewhere),
  },
];
