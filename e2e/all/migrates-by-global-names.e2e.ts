import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';

/** Clusters that don't read each other: what one has, the others reach through its gateway alone. */
describe('a whole migration with global names', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('global-names', { topology: 'global-names' });
    await scenario.shop();
    file = await scenario.migration((draft) => {
      draft.spec.net = { retries: 'idempotent' };
    });
    expect((await scenario.meshlift(file, 'check')).exitCode, scenario.log.join('\n')).toBe(0);
    expect((await scenario.meshlift(file, 'vm', 'join')).exitCode, scenario.log.join('\n')).toBe(0);
    await scenario.customersShopping();
  });
  afterAll(() => scenario.end());

  it('gives the copy no request before the first split', async () => {
    expect((await scenario.meshlift(file, 'deploy')).exitCode, scenario.log.join('\n')).toBe(0);
    expect(await scenario.meanwhile(300)).toEqual({ failed: 0, k8s: 0 });
  });

  it('has one split in both clusters, seen by the callers of both', async () => {
    expect((await scenario.meshlift(file, 'shift', '50')).exitCode, scenario.log.join('\n')).toBe(0);
    for (const cluster of ['cluster1', 'cluster2']) expect(await scenario.splitIn(cluster)).toBe('50/50');
    for (const { seen } of (await scenario.status()).splits.at(-1).clusters) {
      expect(seen.requests).toBeGreaterThanOrEqual(100);
      expect(seen.k8sPercent).toBeGreaterThan(30);
      expect(seen.k8sPercent).toBeLessThan(70);
    }
  });

  it('loses no request when the VM’s program is killed at 50 %, also where nobody hears of its health', async () => {
    await scenario.onVm(
      'sudo systemctl kill -s KILL productcatalogservice; sudo systemctl stop productcatalogservice',
    );
    expect((await scenario.meanwhile(600)).failed).toBe(0);
    await scenario.onVm('sudo systemctl start productcatalogservice');
    await scenario.until('the VM to be healthy again', async () =>
      (await scenario.meshlift(file, 'rollback')).exitCode === 0 ? true : null,
    );
    for (const cluster of ['cluster1', 'cluster2']) expect(await scenario.splitIn(cluster)).toBe('100/0');
  });

  it('runs to the end and retires the VM', async () => {
    expect(
      (await scenario.meshlift(file, 'run', '--until', 'retired')).exitCode,
      scenario.log.join('\n'),
    ).toBe(0);
    expect((await scenario.status()).phase).toBe('Retired');
  });

  it('leaves nothing but the way to the pods, in the cluster that has none', async () => {
    for (const cluster of ['cluster1', 'cluster2']) {
      expect(await scenario.splitIn(cluster)).toBeNull();
      expect(await scenario.leftIn(cluster)).toEqual([]);
      const entries = await scenario.stage.kubectl(cluster, ['get', 'workloadentries', '-A', '-o', 'name']);
      expect(entries.trim()).toBe(
        cluster === 'cluster1'
          ? 'workloadentry.networking.istio.io/meshlift-productcatalogservice-cluster1-to-cluster2-home'
          : '',
      );
    }
  });

  it('has the customers unaffected when the program on the VM is stopped', async () => {
    await scenario.onVm('sudo systemctl stop productcatalogservice');
    expect((await scenario.meanwhile(300)).failed).toBe(0);
  });

  it('lost no request in all of this, by the customers’ count and by the callers’ proxies', async () => {
    const customers = await scenario.customers();
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
    const { requests } = await scenario.report(file);
    expect(requests.failed).toBe(0);
    expect(requests.total).toBeGreaterThan(2_000);
  });
});
