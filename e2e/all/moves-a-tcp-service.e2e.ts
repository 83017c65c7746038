import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoCounts, echoEverywhere, echoImages, echoMigration } from '../echo.ts';
import { Scenario } from '../scenario.ts';
import { expectSeen } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** A TCP service moves under a steady stream of connections. */
describe('a TCP service', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('tcp', { images: [echoImages] });
    await echoEverywhere(scenario, 'tcp');
    file = await echoMigration(scenario, 'tcp', (draft) => {
      draft.spec.rollout = { steps: [20, 100], hold: '3s', gate: { interval: '1s', minRequests: 50 } };
      draft.spec.drain = { deadline: '2m' };
    });
  });
  afterAll(() => scenario.end());

  const failedBefore: Record<string, number> = {};

  it('joins, and callers in both clusters are answered by the VM', async () => {
    await scenario.done(file, 'vm', 'join');
    for (const cluster of clusters) {
      const { tcp } = await scenario.until(`answers in ${cluster}`, async () => {
        const { counts } = await echoCounts(scenario, cluster);
        return (counts.tcp.bySide.vm ?? 0) > 100 ? counts : null;
      });
      // Before the VM joined there was nobody to answer.
      failedBefore[cluster] = tcp.failed;
    }
  });

  it('shifts in steps, each acknowledged by every proxy and seen in the connections made', async () => {
    await scenario.done(file, 'deploy');
    await scenario.done(file, 'shift', '20');
    for (const cluster of (await scenario.status('echo')).splits.at(-1).clusters) {
      expect(cluster.proxies.total).toBeGreaterThan(0);
      expect(cluster.proxies.acknowledged).toBe(cluster.proxies.total);
      expectSeen(cluster.seen, 20);
    }
  });

  it('completes, and no connection was lost', async () => {
    await scenario.done(file, 'run');
    for (const cluster of clusters) {
      const { tcp } = (await echoCounts(scenario, cluster)).counts;
      expect(tcp.failed - (failedBefore[cluster] ?? 0), JSON.stringify(tcp.failures)).toBe(0);
      expect(tcp.bySide.k8s).toBeGreaterThan(0);
    }
  });
});
