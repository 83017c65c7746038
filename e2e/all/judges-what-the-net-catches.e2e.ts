import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoCounts, echoEverywhere, echoImages, echoMigration } from '../echo.ts';
import { Scenario } from '../scenario.ts';
import { report } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** A copy that is gone looks healthy to its customers, since the net has the VM answer for it. The gate is not fooled. */
describe('the safety net', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('net-catches', { images: [echoImages] });
    await echoEverywhere(scenario, 'http');
    file = await echoMigration(scenario, 'http', (draft) => {
      draft.spec.rollout = { steps: [20, 100], hold: '60s', gate: { interval: '1s', minRequests: 100 } };
    });
  });
  afterAll(() => scenario.end());

  async function failedIn(cluster: string): Promise<number> {
    return (await echoCounts(scenario, cluster)).counts.http.failed;
  }

  it('lets the VM answer when the copy goes away at 20 %', async () => {
    await scenario.done(file, 'vm', 'join');
    await scenario.done(file, 'deploy');
    await scenario.done(file, 'shift', '20');
    const before = await Promise.all(clusters.map(failedIn));
    await scenario.stage.kubectl('cluster2', ['scale', 'deployment/echo', '--replicas=0']);
    for (const [i, cluster] of clusters.entries()) {
      const { answered } = (await echoCounts(scenario, cluster)).counts.http;
      await scenario.until(`500 more answers in ${cluster}`, async () =>
        (await echoCounts(scenario, cluster)).counts.http.answered > answered + 500 ? true : null,
      );
      expect((await failedIn(cluster)) - (before[i] ?? 0)).toBe(0);
    }
  });

  it('has what it caught judged, and everything goes back to the VM', async () => {
    const ended = await scenario.meshlift(file, 'run');
    expect(ended.exitCode, ended.stderr).toBe(3);
    expect(ended.stderr).toMatch(/the safety net caught \d+ of them/);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster, 'echo')).toBe('100/0');
  });

  it('shows what it caught, and how, in status and report', async () => {
    const status = await scenario.meshlift(file, 'status');
    expect(status.stdout).toMatch(/\d+ of the k8s side's \d+ requests were answered by vm/);
    const { sides } = (await report(scenario, file)) as unknown as {
      sides: Record<'vm' | 'k8s', { caught: number; caughtHow: { retried: number; rerouted: number } }>;
    };
    expect(sides.k8s.caught).toBeGreaterThan(50);
    expect(sides.k8s.caughtHow.retried + sides.k8s.caughtHow.rerouted).toBe(sides.k8s.caught);
    expect(sides.vm.caught).toBe(0);
  });
});
