import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from './scenario.ts';
import { report } from './verdicts.ts';

/** The split itself must lose nothing: with the net off, no retry and no other side hides a failure. */
describe('a whole migration with the safety net off', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('net-off');
    file = await scenario.joined((draft) => {
      draft.spec.net = { retries: 'off' };
    });
  });
  afterAll(() => scenario.end());

  it('runs to the end and retires the VM', async () => {
    expect(
      (await scenario.meshlift(file, 'run', '--until', 'retired')).exitCode,
      scenario.log.join('\n'),
    ).toBe(0);
    expect((await scenario.status()).phase).toBe('Retired');
  });

  it('leaves no route, no side host and nothing of the VM in any cluster', async () => {
    for (const cluster of ['cluster1', 'cluster2']) {
      expect(await scenario.splitIn(cluster)).toBeNull();
      const left = await scenario.stage.kubectl(cluster, [
        ...[
          'get',
          'serviceentries,destinationrules,workloadentries,workloadgroups,configmaps,leases',
          '-n',
          'default',
        ],
        ...['-l', 'meshlift.dev/migration', '-o', 'name'],
      ]);
      expect(left.trim()).toBe('');
    }
  });

  it('has the customers unaffected when the program on the VM is stopped', async () => {
    const before = await scenario.customers();
    await scenario.onVm('sudo systemctl stop productcatalogservice');
    const after = await scenario.until('300 more requests', async () => {
      const now = await scenario.customers();
      return now.requests.total - before.requests.total >= 300 ? now : null;
    });
    expect(after.requests.failed, JSON.stringify(after.failuresByKind)).toBe(0);
  });

  it('lost no request by the callers’ proxies either', async () => {
    const { requests } = await report(scenario, file);
    expect(requests.failed).toBe(0);
    expect(requests.total).toBeGreaterThan(2_000);
  });

  it('does nothing when it is run once more, and says so', async () => {
    const before = await scenario.world();
    const again = await scenario.meshlift(file, 'run', '--until', 'retired');
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toMatch(/finished/);
    expect(await scenario.world()).toBe(before);
  });
});
