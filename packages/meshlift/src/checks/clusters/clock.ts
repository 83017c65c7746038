import type { MemberCluster } from '../../engine/context.ts';
import type { Finding } from '../check.ts';
import type { Scene } from '../scene.ts';

/** As for the VM's clock: istiod makes certificates valid from now on, by its own clock. */
const greatestSkewMs = 60_000;

export async function clockFinding(
  { clock, signal }: Scene,
  { kube, name, member }: MemberCluster,
): Promise<Finding | null> {
  const asked = clock.now();
  const theirs = await kube.now(signal);
  const skewMs = theirs - (asked + clock.now()) / 2;
  if (Math.abs(skewMs) <= greatestSkewMs) return null;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return {
    why: `the clock of ${name}'s API server is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's, and mutual TLS trusts certificates by the clock`,
    next: `see which of them is wrong, and let NTP set it: timedatectl status; kubectl --context ${member.context} get --raw /version -v 8`,
  };
}
