import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoCounts, echoEverywhere, echoImages, echoMigration } from '../echo.ts';
import { Scenario } from '../scenario.ts';
import { report } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** An HTTP service moves while a stream is under way, which outlives every split; only completing waits for it. */
describe('an HTTP service with a stream', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('http', { images: [echoImages] });
    await echoEverywhere(scenario, 'http');
    file = await echoMigration(scenario, 'http', (draft) => {
      draft.spec.rollout = {
        mirror: { methods: ['/'], percent: 50, hold: '3s' },
        steps: [20, 100],
        hold: '3s',
        gate: { interval: '1s', minRequests: 100, p99OverVm: 5, p99Tolerance: '200ms' },
      };
      draft.spec.drain = { deadline: '5s' };
    });
  });
  afterAll(() => scenario.end());

  const failedBefore: Record<string, number> = {};

  it('joins, and callers in both clusters are answered by the VM', async () => {
    await scenario.done(file, 'vm', 'join');
    for (const cluster of clusters) {
      const { http } = await scenario.until(`answers in ${cluster}`, async () => {
        const { counts } = await echoCounts(scenario, cluster);
        return (counts.http.bySide.vm ?? 0) > 100 ? counts : null;
      });
      // Before the VM joined there was nobody to answer.
      failedBefore[cluster] = http.failed;
    }
  });

  it('is deployed only after a caller in each cluster reached the copy through the mesh', async () => {
    const deployed = await scenario.done(file, 'deploy');
    for (const cluster of clusters) {
      expect(deployed.stderr).toContain(`the copy answered a caller in ${cluster} through the mesh`);
      expect(await scenario.stage.kubectl(cluster, ['get', 'pods', '-l', 'meshlift.dev/test-caller'])).toBe(
        '',
      );
    }
  });

  it('mirrors, shifts and holds: a stream that began on the VM outlives every split, and is told', async () => {
    await echoCounts(scenario, 'cluster1', 'open/http');
    await scenario.until('the stream', async () =>
      (await echoCounts(scenario, 'cluster1')).streams[0]?.side === 'vm' ? true : null,
    );
    const held = await scenario.meshlift(file, 'run');
    expect(held.exitCode, held.stderr).toBe(2);
    expect(held.stderr).toContain('the copy answers mirrored requests well');
    expect(held.stderr).toMatch(/1 request that began before still runs on the vm side/);
    expect(held.stderr).toMatch(/still runs? on the VM .* from default\/caller-/);
    const [stream] = (await echoCounts(scenario, 'cluster1')).streams;
    expect(stream).toMatchObject({ side: 'vm', ended: null });
    expect(stream?.pieces).toBeGreaterThan(100);
  });

  it('kept mirrored requests out of every share', async () => {
    const { splits } = await scenario.status('echo');
    const mirrored = splits.filter((it: { reason: string }) => it.reason.includes('is mirrored'));
    expect(mirrored).toHaveLength(1);
    for (const { seen } of mirrored[0].clusters) {
      expect(seen.requests).toBeGreaterThan(50);
      expect(seen.k8s).toBe(0);
    }
  });

  it('completes when the stream has ended', async () => {
    await scenario.stage.kubectl('cluster1', ['rollout', 'restart', 'deployment/caller']);
    await scenario.stage.kubectl('cluster1', ['rollout', 'status', 'deployment/caller', '--timeout=60s']);
    await scenario.done(file, 'run');
  });

  it('lost no request of any caller', async () => {
    for (const cluster of clusters) {
      const { http } = (await echoCounts(scenario, cluster)).counts;
      // The caller of cluster1 was started anew, and counts from there.
      const before = cluster === 'cluster1' ? 0 : (failedBefore[cluster] ?? 0);
      expect(http.failed - before, JSON.stringify(http.failures)).toBe(0);
      expect(http.bySide.k8s).toBeGreaterThan(0);
    }
    expect((await report(scenario, file)).requests.failed).toBe(0);
  });
});
