import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../engine.ts';
import { atAnyLatency, fewerCustomers, Scenario } from '../scenario.ts';
import { report } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;
const route = 'virtualservice/meshlift-productcatalogservice';

/** The weights in the clusters are output, never input: somebody's hand is seen, told and undone. */
describe('somebody who edits by hand', () => {
  let scenario: Scenario;
  let file: string;
  let engine: Engine;

  beforeAll(async () => {
    scenario = await Scenario.begin('edits', { customers: fewerCustomers });
    file = await scenario.joined((draft) => {
      atAnyLatency(draft);
      Object.assign(draft.spec.rollout, { steps: [20, 100], hold: '10m' });
    });
    engine = await scenario.engine(file, 'run');
    await scenario.until('20 % agreed', async () =>
      (await scenario.status()).agreed?.split.k8s === 20 ? true : null,
    );
  });
  afterAll(async () => {
    engine?.signal('SIGTERM');
    await scenario.end();
  });

  /** Waits until everything is as it was agreed before somebody's hand, by a later write; answers the record of it. */
  async function putBack(before: number): Promise<{ readonly reason: string }> {
    const record = await scenario.until(`the agreed split written again; ${engine.said()}`, async () => {
      expect(engine.hasEnded(), engine.said()).toBe(false);
      const { agreed, splits } = await scenario.status();
      return agreed.generation > before ? splits.at(-1) : null;
    });
    expect((await scenario.status()).agreed.split).toEqual({ vm: 80, k8s: 20 });
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('80/20');
    return record;
  }

  const generation = async (): Promise<number> => (await scenario.status()).agreed.generation;

  it('has weights of a VirtualService put back', async () => {
    const before = await generation();
    const weights = [0, 1].map((i) => ({
      op: 'replace',
      path: `/spec/http/2/route/${i}/weight`,
      value: i === 0 ? 0 : 100,
    }));
    await scenario.stage.kubectl('cluster2', ['patch', route, '--type=json', '-p', JSON.stringify(weights)]);
    const { reason } = await putBack(before);
    expect(reason).toBe("cluster2's route was changed by someone else");
    expect(engine.said()).toContain("cluster2's route was changed by someone else");
  });

  it('has a VirtualService that was deleted put back', async () => {
    const before = await generation();
    await scenario.stage.kubectl('cluster1', ['delete', route]);
    const { reason } = await putBack(before);
    expect(reason).toBe("cluster1's route was changed by someone else");
  });

  it('has a field that was put in beside ours taken out', async () => {
    const before = await generation();
    const aside = JSON.stringify({ spec: { exportTo: ['~'] } });
    await scenario.stage.kubectl('cluster1', ['patch', route, '--type=merge', '-p', aside]);
    await putBack(before);
    const { spec } = JSON.parse(await scenario.stage.kubectl('cluster1', ['get', route, '-o', 'json']));
    expect(spec).not.toHaveProperty('exportTo');
  });

  it('has the safety net put back when its rule was deleted', async () => {
    const before = await generation();
    const rule = 'destinationrule/meshlift-productcatalogservice-gke';
    await scenario.stage.kubectl('cluster2', ['delete', rule]);
    const { reason } = await putBack(before);
    expect(reason).toBe(
      'in cluster2 DestinationRule meshlift-productcatalogservice-gke was deleted by someone else',
    );
    expect(await scenario.stage.kubectl('cluster2', ['get', rule, '-o', 'name'])).toContain('meshlift-');
  });

  it('is told of in the history, and has cost no customer anything', async () => {
    const { history } = await scenario.status();
    const told = history.filter(({ message }: { message: string }) => message.includes('by someone else'));
    expect(told.map(({ what }: { what: string }) => what)).toEqual(['act', 'act', 'act', 'act']);
    const customers = await scenario.customers();
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
    expect((await report(scenario, file)).requests.failed).toBe(0);
  });

  it('has what was done while nobody drove put back by the next command', async () => {
    engine.signal('SIGTERM');
    await engine.ended;
    await scenario.stage.kubectl('cluster2', ['delete', route]);
    const next = await scenario.meshlift(file, 'shift', '50');
    expect(next.exitCode, next.stderr).toBe(0);
    expect(next.stderr).toContain("cluster2's route was changed by someone else");
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('50/50');
  });
});
