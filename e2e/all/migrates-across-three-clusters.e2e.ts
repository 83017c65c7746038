import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';

const clusters = ['cluster1', 'cluster2', 'cluster3'];

/** cluster1 is the VM's home, cluster2 gets the copy, and cluster3 has callers and neither. */
describe('a whole migration across three clusters', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('three-clusters', { clusters: 3 });
    await scenario.shop();
    file = await scenario.migration();
    expect((await scenario.meshlift(file, 'check')).exitCode, scenario.log.join('\n')).toBe(0);
    expect((await scenario.meshlift(file, 'vm', 'join')).exitCode, scenario.log.join('\n')).toBe(0);
    await scenario.customersShopping();
  });
  afterAll(() => scenario.end());

  it('gives each cluster a way to the copy of its own, and the copy no request before the first split', async () => {
    expect((await scenario.meshlift(file, 'deploy')).exitCode, scenario.log.join('\n')).toBe(0);
    expect(await scenario.meanwhile(300)).toEqual({ failed: 0, k8s: 0 });
  });

  it('has one split in all three, acknowledged by every proxy and seen by the callers of each', async () => {
    expect((await scenario.meshlift(file, 'shift', '50')).exitCode, scenario.log.join('\n')).toBe(0);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('50/50');
    const { clusters: seen } = (await scenario.status()).splits.at(-1);
    expect(seen.map((it: { cluster: string }) => it.cluster)).toEqual(clusters);
    for (const { proxies, seen: share } of seen) {
      expect(proxies.acknowledged).toBe(proxies.total);
      expect(share.requests).toBeGreaterThanOrEqual(100);
      expect(share.k8sPercent).toBeGreaterThan(30);
      expect(share.k8sPercent).toBeLessThan(70);
    }
  });

  it('runs to the end, retires the VM, and leaves nothing in any of them', async () => {
    expect(
      (await scenario.meshlift(file, 'run', '--until', 'retired')).exitCode,
      scenario.log.join('\n'),
    ).toBe(0);
    for (const cluster of clusters) {
      expect(await scenario.splitIn(cluster)).toBeNull();
      expect(await scenario.leftIn(cluster)).toEqual([]);
    }
  });

  it('lost no request, also with the program on the VM stopped', async () => {
    await scenario.onVm('sudo systemctl stop productcatalogservice');
    expect((await scenario.meanwhile(300)).failed).toBe(0);
    const customers = await scenario.customers();
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
    const { requests } = await scenario.report(file);
    expect(requests.failed).toBe(0);
    expect(requests.total).toBeGreaterThan(2_000);
  });
});
