import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';
import { expectNothingLostWithoutVm, expectRetired, expectSplit } from '../verdicts.ts';

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
    await scenario.done(file, 'check');
    await scenario.join(file);
  });
  afterAll(() => scenario.end());

  it('gives the copy no request before the first split', async () => {
    await scenario.done(file, 'deploy');
    expect(await scenario.meanwhile(300)).toEqual({ failed: 0, k8s: 0 });
  });

  it('has one split in both clusters, seen by the callers of both', async () => {
    await scenario.done(file, 'shift', '50');
    await expectSplit(scenario, 50);
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
    await expectRetired(scenario, file);
  });

  it('leaves nothing but the way to the pods, in the cluster that has none', async () => {
    for (const cluster of ['cluster1', 'cluster2']) {
      const entries = await scenario.stage.kubectl(cluster, ['get', 'workloadentries', '-A', '-o', 'name']);
      expect(entries.trim()).toBe(
        cluster === 'cluster1'
          ? 'workloadentry.networking.istio.io/meshlift-productcatalogservice-cluster1-to-cluster2-home'
          : '',
      );
    }
  });

  it('lost no request, also with the program on the VM stopped', async () => {
    await expectNothingLostWithoutVm(scenario, file);
  });
});
