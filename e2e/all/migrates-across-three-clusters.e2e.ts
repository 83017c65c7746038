import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';
import { expectNothingLostWithoutVm, expectRetired, expectSplit } from '../verdicts.ts';

/** cluster1 is the VM's home, cluster2 gets the copy, and cluster3 has callers and neither. */
describe('a whole migration across three clusters', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('three-clusters', { clusters: 3 });
    await scenario.shop();
    file = await scenario.migration();
    await scenario.done(file, 'check');
    await scenario.join(file);
  });
  afterAll(() => scenario.end());

  it('gives each cluster a way to the copy of its own, and the copy no request before the first split', async () => {
    await scenario.done(file, 'deploy');
    expect(await scenario.meanwhile(300)).toEqual({ failed: 0, k8s: 0 });
  });

  it('has one split in all three, acknowledged by every proxy and seen by the callers of each', async () => {
    await scenario.done(file, 'shift', '50');
    await expectSplit(scenario, 50);
  });

  it('runs to the end, retires the VM, and leaves nothing in any of them', async () => {
    await expectRetired(scenario, file);
  });

  it('lost no request, also with the program on the VM stopped', async () => {
    await expectNothingLostWithoutVm(scenario, file);
  });
});
