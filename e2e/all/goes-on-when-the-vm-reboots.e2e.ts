import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atAnyLatency, fewerCustomers, Scenario } from '../scenario.ts';
import { expectNothingLost } from '../verdicts.ts';

/** Machines restart for reasons of their own, and one that is about to be retired may do so as well. */
describe('a VM that reboots at 80 %', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('vm-reboots', { customers: fewerCustomers });
    file = await scenario.joined((draft) => {
      draft.spec.net = { retries: 'idempotent' };
      atAnyLatency(draft);
      Object.assign(draft.spec.rollout, { steps: [80, 100], hold: '30s' });
    });
  });
  afterAll(() => scenario.end());

  it('leaves nobody without an answer, and the run ends with the VM retired', async () => {
    const running = scenario.meshlift(file, 'run', '--until', 'retired');
    await scenario.until(
      '80 % agreed, and passed once',
      async () => {
        const { agreed, verdicts } = await scenario.status();
        return agreed?.split.k8s === 80 && verdicts.at(-1)?.verdict === 'pass' ? true : null;
      },
      120_000,
    );
    await scenario.lab('vm', 'reboot');
    const { exitCode, stderr } = await running;
    expect(exitCode, stderr).toBe(0);
    const { phase, splits } = await scenario.status();
    expect(phase).toBe('Retired');
    process.stderr.write(`rebooted at 80 %, and went on because: ${splits.at(-1).reason}\n`);
    expect(splits.at(-1)).toMatchObject({ outcome: 'agreed', split: { vm: 0, k8s: 100 } });
    for (const cluster of ['cluster1', 'cluster2']) expect(await scenario.splitIn(cluster)).toBeNull();
  });

  it('lost no request, by the customers’ count and by the callers’ proxies', async () => {
    await expectNothingLost(scenario, file);
  });
});
