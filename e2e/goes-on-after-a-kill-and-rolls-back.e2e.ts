import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from './scenario.ts';
import { report } from './verdicts.ts';

describe('an engine that is killed half-way', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('killed');
    file = await scenario.joined();
  });
  afterAll(() => scenario.end());

  it('gives the copy no request before the first split', async () => {
    await scenario.done(file, 'deploy');
    const before = await scenario.customers();
    const after = await scenario.until('500 more calls of the catalog', async () => {
      const now = await scenario.customers();
      return (now.catalogCalls?.total ?? 0) - (before.catalogCalls?.total ?? 0) >= 500 ? now : null;
    });
    expect(after.catalogCalls?.bySide?.k8s ?? 0).toBe(0);
  });

  it('is killed with SIGKILL while it writes the second split', async () => {
    const engine = await scenario.engine(file, 'run');
    // The intent is recorded before any cluster is written: this is the middle of a write.
    await scenario.until('the intent of 50 %', async () =>
      (await scenario.status().catch(() => null))?.intent?.split?.k8s === 50 ? true : null,
    );
    engine.signal('SIGKILL');
    expect((await engine.ended).exitCode).toBe(137);
    expect((await scenario.status()).phase).toBe('Shifting');
  });

  it('has another engine refused as long as the killed one holds the Lease', async () => {
    const second = await scenario.meshlift(file, 'shift', '50');
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toMatch(/is driving it/);
  });

  it('goes on from there when the Lease has run out', async () => {
    const resumed = await scenario.until('the Lease to run out', async () => {
      const result = await scenario.meshlift(file, 'shift', '50');
      return result.stderr.includes('is driving it') ? null : result;
    });
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(await scenario.splitIn('cluster1')).toBe('50/50');
    expect(await scenario.splitIn('cluster2')).toBe('50/50');
  });

  it('returns both clusters to the VM on rollback, verified', async () => {
    const back = await scenario.meshlift(file, 'rollback');
    expect(back.exitCode, back.stderr).toBe(0);
    expect(await scenario.splitIn('cluster1')).toBe('100/0');
    expect(await scenario.splitIn('cluster2')).toBe('100/0');
    const status = await scenario.status();
    expect(status.agreed.split).toEqual({ vm: 100, k8s: 0 });
    for (const cluster of status.splits.at(-1).clusters) {
      expect(cluster.proxies.acknowledged).toBe(cluster.proxies.total);
      // Calls under way when the route changed end on the copy.
      expect(cluster.seen.interval[0]).toBeLessThan(2);
    }
  });

  it('finishes when it is run once more', async () => {
    await scenario.done(file, 'run');
    expect((await scenario.status()).phase).toBe('Completed');
  });

  it('lost no request in all of this', async () => {
    const customers = await scenario.customers();
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
    expect((await report(scenario, file)).requests.failed).toBe(0);
  });
});
