import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../engine.ts';
import { atAnyLatency, fewerCallsPerSecond, fewerCustomers, Scenario } from '../scenario.ts';
import { answerSeconds, hadBegun, report } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** How long a cluster may take to agree to a split, and how long callers are watched following it: milliseconds. */
const deadline = 30_000;
/** How often a cluster is cut off. */
const cuts = 2;

/** A shift is not atomic: whatever breaks in the middle of one, clusters are of one opinion once all can be reached. */
describe.each([
  ['endpoint-discovery', 'agree'],
  ['global-names', 'agree-apart'],
] as const)('a shift that is broken into (%s)', (topology, lab) => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin(lab, { topology, customers: fewerCustomers });
    file = await scenario.deployed((draft) => {
      // Cut off, a cluster's callers lose the VM as well: what they have under way there is worth repeating.
      draft.spec.net = { retries: 'idempotent' };
      atAnyLatency(draft);
      Object.assign(draft.spec.rollout, { steps: [20, 50, 80, 100], hold: '3s' });
      draft.spec.deadlines = { agree: '10s', observe: '10s' };
    });
  });
  afterAll(() => scenario.end());

  /** Waits for the moment in which a split is meant and not agreed: it is being written. */
  async function whileShiftingTo(k8s: number, engine: Engine): Promise<void> {
    await scenario.until(`the intent of ${k8s} %`, async () => {
      expect(engine.hasEnded(), engine.said()).toBe(false);
      const status = await scenario.status();
      const meant =
        status.intent?.split?.k8s === k8s && status.intent.generation !== status.agreed?.generation;
      return meant ? true : null;
    });
  }

  /** Waits until each cluster has the split that the record says is agreed; answers it, as `vm/k8s`. */
  async function oneOpinion(among: readonly string[], deadlineMs = deadline): Promise<string> {
    return scenario.until(
      `${among.join(' and ')} of one opinion`,
      async () => {
        const { agreed } = await scenario.status();
        const recorded = agreed ? `${agreed.split.vm}/${agreed.split.k8s}` : null;
        const splits = await Promise.all(among.map((it) => scenario.splitIn(it)));
        return splits.every((it) => it === recorded) ? recorded : null;
      },
      deadlineMs,
    );
  }

  it('leaves no cluster on a split that another, cut off, has not agreed to, and returns that one when it is back', async () => {
    await scenario.done(file, 'shift', '20');
    const engine = await scenario.engine(file, 'shift', '50');
    await whileShiftingTo(50, engine);
    // It stands still until the cluster is cut off, so that this happens in the middle of its work.
    engine.signal('SIGSTOP');
    await scenario.lab('fault', 'cut', 'cluster2');
    engine.signal('SIGCONT');
    await scenario.until(`cluster1 on the new split; ${engine.said()}`, async () =>
      (await scenario.splitIn('cluster1')) === '50/50' ? true : null,
    );
    await scenario.until(
      `cluster1 back on what was agreed; ${engine.said()}`,
      async () => ((await scenario.splitIn('cluster1')) === '80/20' ? true : null),
      2 * deadline,
    );
    expect((await scenario.status()).agreed.split).toEqual({ vm: 80, k8s: 20 });
    // Were it back earlier, the shift would end here, returned everywhere.
    await scenario.until(`cluster2 given up for now; ${engine.said()}`, async () =>
      engine.said().includes('every cluster that answers has it') ? true : null,
    );
    await scenario.lab('fault', 'heal', 'cluster2');
    const { exitCode, stderr } = await engine.ended;
    expect(exitCode, stderr).toBe(0);
    expect(await oneOpinion(clusters)).toBe('50/50');
  });

  it('takes back what it reaches at once, and the cluster that is cut off as soon as it is back', async () => {
    await scenario.done(file, 'shift', '80');
    await scenario.lab('fault', 'cut', 'cluster2');
    const engine = await scenario.engine(file, 'rollback');
    await scenario.until(`cluster1 back, and cluster2 waited for; ${engine.said()}`, async () =>
      engine.said().includes('cluster2 is returned as soon as it answers') ? true : null,
    );
    expect(await scenario.splitIn('cluster1')).toBe('100/0');
    expect((await scenario.status()).agreed.split).toEqual({ vm: 20, k8s: 80 });
    await scenario.lab('fault', 'heal', 'cluster2');
    const { exitCode, stderr } = await engine.ended;
    expect(exitCode, stderr).toBe(0);
    expect(await oneOpinion(clusters)).toBe('100/0');
  });

  it('ends right though an istiod, the other one and the home cluster’s API server are killed in the middle', async () => {
    // What piled up behind the link that was cut is through, with the callers who had long hung up.
    await scenario.until(
      'customers at ease',
      async () => ((await scenario.meanwhile(200)).failed === 0 ? true : null),
      2 * deadline,
    );
    const engine = await scenario.engine(file, 'run');
    for (const [k8s, part] of [
      [20, 'cluster1/istiod'],
      [50, 'cluster2/istiod'],
      [80, 'cluster1/apiserver'],
    ] as const) {
      await whileShiftingTo(k8s, engine);
      await scenario.lab('fault', 'kill', part);
    }
    const { exitCode, stderr } = await engine.ended;
    expect(exitCode, stderr).toBe(0);
    expect((await scenario.status()).phase).toBe('Completed');
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBeNull();
  });

  it('lost no call of the catalog by all of this, but for answers that broke off and callers who hung up themselves', async () => {
    const { byRoute = {}, failuresByKind } = await scenario.customers();
    const { callers } = (await report(scenario, file)).requests;
    const causes = callers.flatMap(({ cluster, workload, causes }) =>
      causes.map((cause) => ({ cluster, workload, ...cause })),
    );
    // Who calls in cluster1 is itself called from cluster2, and so cut off from its own callers: Envoy's flag DR.
    const lost = causes.filter((it) => !hadBegun(it) && !(it.cluster === 'cluster1' && it.flags === 'DR'));
    expect(lost, JSON.stringify(failuresByKind)).toEqual([]);
    const begun = causes.filter(hadBegun).reduce((sum, { count }) => sum + count, 0);
    expect(begun).toBeLessThanOrEqual(Math.ceil(cuts * fewerCallsPerSecond * answerSeconds));

    // From the outside: what customers in the cluster that was cut off ask the catalog itself, wherever it is.
    const direct = byRoute['catalog-direct'];
    expect(direct?.total).toBeGreaterThan(2_000);
    expect(direct?.failed, JSON.stringify(failuresByKind)).toBeLessThanOrEqual(begun);
  });
});
