import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../demo/src/command.ts';
import {
  atAnyLatency,
  fewerCallsPerSecond,
  fewerCustomers,
  type MigrationDraft,
  Scenario,
} from '../scenario.ts';
import { answerSeconds, type LostCalls, lostCalls } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** What is under way at one moment is a few requests; no more than these may end with a pod that is killed. */
const underWay = 20;

/** The copy's pods come and go while both sides serve: callers are not to notice, and the gate is. */
describe('a copy at 50 %', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('pods', { customers: fewerCustomers });
    file = await scenario.deployed(halfWay('safe'));
  });
  afterAll(() => scenario.end());

  const halfWay = (retries: 'safe' | 'idempotent') => (draft: MigrationDraft) => {
    draft.spec.net = { retries };
    atAnyLatency(draft);
    Object.assign(draft.spec.rollout, { steps: [50, 100], hold: '20s' });
  };

  /** Runs, lets something happen to the pods as soon as half is with them and was found good, and waits for the end. */
  async function runThrough(
    happens: () => Promise<unknown>,
  ): Promise<{ result: CommandResult; failed: number; lost: LostCalls }> {
    const before = await scenario.customers();
    const lostBefore = await lostCalls(scenario, file);
    const { generation } = await scenario.status();
    const running = scenario.meshlift(file, 'run');
    await scenario.until('50 % agreed, and passed once', async () => {
      const { agreed, verdicts } = await scenario.status();
      const passed = verdicts.some(
        (it: { at: string; verdict: string }) => it.at >= agreed?.at && it.verdict === 'pass',
      );
      return agreed?.generation > generation && agreed.split.k8s === 50 && passed ? true : null;
    });
    await happens();
    const result = await running;
    await scenario.meanwhile(200);
    const failed = (await scenario.customers()).requests.failed - before.requests.failed;
    const { begun, otherwise } = await lostCalls(scenario, file);
    const lost = { begun: begun - lostBefore.begun, otherwise: otherwise - lostBefore.otherwise };
    return { result, failed, lost };
  }

  const deployment = 'deployment/productcatalogservice';

  async function untilWhole(): Promise<void> {
    await scenario.stage.kubectl('cluster2', ['rollout', 'status', deployment, '--timeout=120s']);
  }

  async function killThePod(): Promise<void> {
    await scenario.lab('fault', 'kill', 'cluster2/productcatalogservice');
  }

  async function expectTakenBack({ exitCode, stderr }: CommandResult): Promise<void> {
    expect(exitCode, stderr).toBe(3);
    expect(stderr).toMatch(/requests to the k8s side failed/);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('100/0');
    expect((await scenario.status()).outcome.state).toBe('RolledBack');
  }

  it('that is killed costs what it had under way, and is left', async () => {
    const { result, failed } = await runThrough(killThePod);
    process.stderr.write(`the copy killed at 50 %, safe retries: ${failed} requests failed\n`);
    expect(failed).toBeLessThanOrEqual(underWay);
    await expectTakenBack(result);
  });

  it('that is killed costs nothing where calls may be repeated, but for an answer that broke off; what the net catches is no answer of its own', async () => {
    file = await scenario.migration(halfWay('idempotent'));
    await untilWhole();
    const { result, failed, lost } = await runThrough(killThePod);
    expect(lost.otherwise).toBe(0);
    expect(failed).toBeLessThanOrEqual(lost.begun);
    expect(lost.begun).toBeLessThanOrEqual(Math.ceil(0.5 * fewerCallsPerSecond * answerSeconds));
    await expectTakenBack(result);
    // Where none may be repeated, those that were under way can be enough before the net has caught any.
    expect(result.stderr).toMatch(/requests to the k8s side failed .*the safety net caught \d+ of them/);
  });

  it('that is rolled out anew costs nothing, and goes on to the end once it is whole', async () => {
    file = await scenario.migration(halfWay('safe'));
    await untilWhole();
    const { result, failed } = await runThrough(async () => {
      await scenario.stage.kubectl('cluster2', ['rollout', 'restart', deployment]);
    });
    expect(failed).toBe(0);
    expect(result.exitCode, result.stderr).toBe(0);
    expect((await scenario.status()).phase).toBe('Completed');
    await untilWhole();
  });
});
