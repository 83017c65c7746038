import { expect, test } from 'vitest';
import { withChange } from './change.ts';
import { plannedStatus, type SplitRecord, type VerdictRecord } from './status.ts';

const recorder = { epoch: 1, by: 'anna@laptop', at: '2026-11-23T07:12:00.000Z' };
const sentence = 'x'.repeat(250);

function splitOf(generation: number): SplitRecord {
  return {
    generation,
    split: { vm: 50, k8s: 50 },
    reason: sentence,
    at: recorder.at,
    by: recorder.by,
    outcome: 'returned',
    failure: sentence,
    skewMs: 12,
    clusters: ['one', 'two', 'three', 'four'].map((cluster) => ({
      cluster: `gke_project_region_${cluster}`,
      writtenMs: 12.345,
      acknowledgedMs: 123.456,
      proxies: { acknowledged: 250, total: 250, slowest: 'x'.repeat(100) },
      seen: { requests: 12_345, k8s: 6_172, k8sPercent: 49.995, interval: [49.123456789, 50.87654321] },
    })),
  };
}

test('a record of a thousand splits and verdicts tells the latest, and fits into one Kubernetes object', () => {
  const side = { requests: 12_345, failed: 12, caught: 3, p99Ms: 123.456 };
  const verdict: VerdictRecord = {
    at: recorder.at,
    split: { vm: 50, k8s: 50 },
    verdict: 'inconclusive',
    because: sentence,
    sides: { vm: side, k8s: side },
  };
  let status = plannedStatus;
  for (let generation = 1; generation <= 1_000; generation += 1) {
    const line = { what: 'act', message: sentence } as const;
    status = withChange(status, { generation, split: splitOf(generation), verdict, line }, recorder);
  }
  expect(status.splits.at(-1)?.generation).toBe(1_000);
  expect(status.splits.length).toBeGreaterThanOrEqual(100);
  // etcd takes 1.5 MB, of which the callers' ledger and the fields' owners need their part.
  expect(JSON.stringify(status).length).toBeLessThan(750_000);
});
