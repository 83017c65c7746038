import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoCounts, echoEverywhere, echoImages, echoMigration } from '../echo.ts';
import { Scenario } from '../scenario.ts';

const clusters = ['cluster1', 'cluster2'] as const;
const drainSeconds = 5;

/** Server streams of gRPC stay where they began: told when all else has left, waited for, and cut only if told so. */
describe('gRPC streams that outlive a shift', () => {
  let scenario: Scenario;
  let file: string;
  const failedBefore: Record<string, number> = {};

  beforeAll(async () => {
    scenario = await Scenario.begin('streams', { images: [echoImages] });
    await echoEverywhere(scenario, 'grpc');
    file = await migrate('hold');
    await scenario.done(file, 'vm', 'join');
    for (const cluster of clusters) {
      // Before the VM joined there was nobody to answer.
      failedBefore[cluster] = await scenario.until(`answers in ${cluster}`, async () => {
        const { grpc } = (await echoCounts(scenario, cluster)).counts;
        return (grpc.bySide.vm ?? 0) > 100 ? grpc.failed : null;
      });
    }
    await scenario.done(file, 'deploy');
  });
  afterAll(() => scenario.end());

  const migrate = (onDeadline: 'hold' | 'proceed') =>
    echoMigration(scenario, 'grpc', (draft) => {
      draft.spec.rollout = {
        steps: [20, 100],
        hold: '3s',
        gate: { interval: '1s', minRequests: 100, p99OverVm: 5, p99Tolerance: '200ms' },
      };
      draft.spec.drain = { deadline: `${drainSeconds}s`, onDeadline };
    });

  // biome-ignore lint/suspicious/noExplicitAny: whatever the record holds
  async function status(): Promise<any> {
    const text = await scenario.stage.kubectl('cluster1', [
      'get',
      'migrations.meshlift.dev',
      'echo',
      '-o',
      'json',
    ]);
    return JSON.parse(text).status;
  }

  it('are counted on the side that got 0 %, in the record and for whoever watches', async () => {
    for (const cluster of clusters) await echoCounts(scenario, cluster, 'open/grpc');
    for (const cluster of clusters)
      await scenario.until(`the stream in ${cluster}`, async () =>
        (await echoCounts(scenario, cluster)).streams[0]?.side === 'vm' ? true : null,
      );
    const shifted = await scenario.meshlift(file, 'shift', '100');
    expect(shifted.exitCode, shifted.stderr).toBe(0);
    expect(shifted.stderr).toMatch(/2 requests that began before still run on the vm side/);
    expect((await status()).splits.at(-1).stillRunning).toEqual({ side: 'vm', running: 2, unread: 0 });
  });

  it('are waited for until the drain deadline, and then for a person', async () => {
    const began = performance.now();
    const held = await scenario.meshlift(file, 'run');
    expect(held.exitCode, held.stderr).toBe(2);
    expect(performance.now() - began).toBeGreaterThan(1_000 * drainSeconds);
    expect(held.stderr).toMatch(/2 requests still run on the VM and 0 on the copy, from default\/caller-/);
    expect((await status()).outcome.state).toBe('Held');
    for (const cluster of clusters) {
      const [stream] = (await echoCounts(scenario, cluster)).streams;
      expect(stream).toMatchObject({ kind: 'grpc', side: 'vm', ended: null });
      expect(stream?.pieces).toBeGreaterThan(10 * drainSeconds);
    }
  });

  it('are cut after the deadline where the user chose so, and told; the service is Kubernetes’ own then', async () => {
    file = await migrate('proceed');
    const completed = await scenario.meshlift(file, 'run');
    expect(completed.exitCode, completed.stderr).toBe(0);
    expect(completed.stderr).toMatch(/2 requests still run on the VM .* after 5s; going on all the same/);
    expect((await status()).phase).toBe('Completed');
    // Envoy lets go of what it has no more use for when its time to drain is over: 45 s, as Istio sets it.
    for (const cluster of clusters)
      await scenario.until(
        `the end of the stream in ${cluster}`,
        async () => ((await echoCounts(scenario, cluster)).streams[0]?.ended ? true : null),
        120_000,
      );
  });

  it('cost no call beside them anything', async () => {
    for (const cluster of clusters) {
      const { grpc } = (await echoCounts(scenario, cluster)).counts;
      expect(grpc.failed - (failedBefore[cluster] ?? 0), JSON.stringify(grpc.failures)).toBe(0);
      expect(grpc.bySide.k8s).toBeGreaterThan(100);
    }
  });
});
