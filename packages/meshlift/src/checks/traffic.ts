import { readMember } from '../engine/traffic-watch.ts';
import type { Check } from './check.ts';
import { firstFinding } from './clusters.ts';

export const trafficChecks: readonly Check[] = [
  {
    id: 'traffic-metrics-readable',
    category: 'traffic',
    sentence: 'the counters of every calling proxy can be read',
    severity: 'fatal',
    after: 'clusters-istiod-ready',
    look: (context) =>
      firstFinding(context.members, async (member) => {
        const read = await readMember(context, member);
        if (!read.read)
          return {
            why: `no metrics from ${member.name}: ${read.why}`,
            next: 'may the credentials get pods/proxy?',
          };
        const unread = read.sample.unread[0];
        if (!unread) return null;
        return {
          why: `no metrics from ${unread.caller.namespace}/${unread.caller.pod} in ${member.name}: ${unread.why}`,
          next: `kubectl --context ${member.member.context} get --raw /api/v1/namespaces/${unread.caller.namespace}/pods/${unread.caller.pod}:15020/proxy/stats/prometheus`,
        };
      }),
  },
];
