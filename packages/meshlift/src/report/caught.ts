import type { CaughtHow } from '../metrics/tally.ts';
import type { TrafficLedger } from '../migration/traffic-ledger.ts';
import { type Side, sides } from '../migration/traffic-split.ts';

const words: Readonly<Record<keyof CaughtHow, string>> = {
  retried: 'tried on it first',
  rerouted: 'with none of its endpoints fit to be tried',
  untold: 'by proxies that do not tell how',
};

/** How the net caught requests, in words; empty when it caught none, or nobody told. */
export function caughtInWords(how: CaughtHow | undefined): string {
  return (['retried', 'rerouted', 'untold'] as const)
    .flatMap((it) => (how && how[it] > 0 ? [`${how[it]} ${words[it]}`] : []))
    .join(', ');
}

/** What the safety net caught so far, a sentence for each side that failed requests; none when there was nothing to catch. */
export function caughtSentences({ sides: both }: TrafficLedger): readonly string[] {
  const other: Readonly<Record<Side, Side>> = { vm: 'k8s', k8s: 'vm' };
  return sides
    .filter((side) => both[side].caught > 0)
    .map((side) => {
      const { caught, requests, caughtHow } = both[side];
      const how = caughtInWords(caughtHow);
      return `${caught} of the ${side} side's ${requests} requests were answered by ${other[side]}${how && `: ${how}`}`;
    });
}
