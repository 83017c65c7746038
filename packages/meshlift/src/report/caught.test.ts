import { expect, test } from 'vitest';
import { emptyLedger, type TrafficLedger } from '../migration/traffic-ledger.ts';
import { caughtSentences } from './caught.ts';

const empty = emptyLedger('2026-11-23T07:00:00Z');
const withK8s = (k8s: Partial<TrafficLedger['sides']['k8s']>): TrafficLedger => ({
  ...empty,
  sides: { ...empty.sides, k8s: { ...empty.sides.k8s, ...k8s } },
});

test('what the net caught is told by side, and how as far as that is known', () => {
  const how = { retried: 7, rerouted: 3, untold: 0 };
  expect(caughtSentences(withK8s({ requests: 200, caught: 10, caughtHow: how }))).toEqual([
    "10 of the k8s side's 200 requests were answered by vm: 7 tried on it first, 3 with none of its endpoints fit to be tried",
  ]);
  expect(caughtSentences(withK8s({ requests: 200, caught: 10 }))).toEqual([
    "10 of the k8s side's 200 requests were answered by vm",
  ]);
});

test('where nothing was caught nothing is said', () => {
  expect(caughtSentences(withK8s({ requests: 200 }))).toEqual([]);
});
