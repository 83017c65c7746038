import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiFronts, type OnItsWay } from '../api-fronts.ts';
import type { Engine } from '../engine.ts';
import { atAnyLatency, fewerCustomers, Scenario } from '../scenario.ts';
import { expectNothingLost } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** Two engines never drive one migration, also when one of them stood still for a while and does not know it. */
describe('two engines', () => {
  let scenario: Scenario;
  let file: string;
  let fronts: ApiFronts;
  let first: Engine;

  beforeAll(async () => {
    scenario = await Scenario.begin('two-engines', { customers: fewerCustomers });
    fronts = await ApiFronts.open(scenario.stage.lab.kubeconfig, join(scenario.folder, 'slow/kubeconfig'));
    file = await scenario.deployed((draft) => {
      atAnyLatency(draft);
      // Short enough that an engine which stood still has something to write when it wakes.
      Object.assign(draft.spec.rollout, { steps: [20, 50, 100], hold: '40s' });
    });
  });
  afterAll(async () => {
    first?.signal('SIGKILL');
    fronts?.close();
    await scenario.end();
  });

  /** A `shift 80` whose requests go through the fronts. */
  const slowEngine = () => scenario.engine(file, '--kubeconfig', fronts.kubeconfig, 'shift', '80');

  /** Lets another engine take the migration from one that is alive, and waits until it has everything on the VM. */
  async function takeOver(): Promise<readonly string[]> {
    const { exitCode, stderr } = await scenario.meshlift(file, 'rollback');
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/taking over from .*, which is told to stop/);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('100/0');
    return versions();
  }

  async function expectLost({ ended }: Engine, before: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await ended;
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toContain('meshlift explain owned-by-another');
    expect(await versions()).toEqual(before);
  }

  const isRoute = ({ path }: OnItsWay) => path.includes('/virtualservices/') && !path.includes('dryRun');
  const isLease = ({ path }: OnItsWay) => path.includes('/leases/');

  async function holder(cluster: string): Promise<string> {
    const lease = await scenario.stage.kubectl(cluster, [
      'get',
      'lease',
      'meshlift-productcatalog',
      '-o',
      'json',
    ]);
    return JSON.parse(lease).spec.holderIdentity;
  }

  /** Every object that Meshlift writes, the record and the Leases included, with its version. */
  async function versions(): Promise<readonly string[]> {
    const written = 'virtualservices,serviceentries,destinationrules,workloadgroups,configmaps,leases';
    const format =
      '-o=jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';
    const texts = await Promise.all(
      clusters.map((cluster) => {
        const kinds = cluster === 'cluster1' ? `${written},migrations.meshlift.dev` : written;
        return scenario.stage.kubectl(cluster, ['get', kinds, '-n', 'default', format]);
      }),
    );
    return texts.flatMap((text, i) => text.split('\n').map((line) => `${clusters[i]} ${line}`));
  }

  it('has a write refused that was on its way when the other took over', async () => {
    fronts.holdBack((it) => it.cluster === 'cluster2' && it.method === 'PATCH' && isRoute(it));
    const late = await slowEngine();
    await scenario.until('the write on its way', async () => (fronts.held.length > 0 ? true : null));
    const before = await takeOver();
    expect(await fronts.letGo()).toEqual([409]);
    await expectLost(late, before);
  });

  it('has nothing written by one that was about to, and can’t see that the other took over', async () => {
    let isMeant = false;
    fronts.holdBack((it) => {
      isMeant ||= /"intent":\{[^}]*"split":\{[^}]*"k8s":80\b/.test(it.body);
      return isMeant && it.cluster === 'cluster2' && it.method === 'GET' && isRoute(it);
    });
    const late = await slowEngine();
    await scenario.until('what it reads before it writes', async () =>
      fronts.held.length > 0 ? true : null,
    );
    fronts.holdBack(isLease);
    const before = await takeOver();
    // It reads what the other has written, and would write over that now: whose the migration is, it has to ask.
    const asks = () => fronts.held.filter((it) => it.cluster === 'cluster2' && isLease(it)).length;
    const asked = asks();
    expect(await fronts.letGo(isRoute)).toContain(200);
    await scenario.until('it to ask, or to write', async () =>
      asks() > asked || !isDeepStrictEqual(await versions(), before) ? true : null,
    );
    expect(await versions()).toEqual(before);
    fronts.holdBack(() => false);
    await fronts.letGo();
    await expectLost(late, before);
  });

  it('has the second refused, and told who drives it', async () => {
    first = await scenario.engine(file, 'run');
    await scenario.until('20 % agreed', async () =>
      (await scenario.status()).agreed?.split.k8s === 20 ? true : null,
    );
    const second = await scenario.meshlift(file, 'run');
    expect(second.exitCode).toBe(1);
    const who = await holder('cluster1');
    expect(who).not.toBe('');
    expect(second.stderr).toContain(`${who} is driving it since `);
    expect(await holder('cluster2')).toBe(who);
  });

  it('has one that stands still taken over when its Lease has run out', async () => {
    const frozen = await holder('cluster1');
    first.signal('SIGSTOP');
    const next = await scenario.until('the Lease to run out', async () => {
      const result = await scenario.meshlift(file, 'shift', '50');
      return result.stderr.includes('is driving it') ? null : result;
    });
    expect(next.exitCode, next.stderr).toBe(0);
    expect(next.stderr).toContain(`taking over from ${frozen}, which stopped renewing`);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('50/50');
  });

  it('has nothing written by it when it wakes', async () => {
    const before = await versions();
    expect(before.some((it) => it.includes('VirtualService'))).toBe(true);
    first.signal('SIGCONT');
    await expectLost(first, before);
  });

  it('cost no customer anything, and the migration ends', async () => {
    const draft = await scenario.migration((it) => {
      atAnyLatency(it);
      Object.assign(it.spec.rollout, { steps: [100], hold: '3s' });
    });
    await scenario.done(draft, 'run');
    expect((await scenario.status()).phase).toBe('Completed');
    await expectNothingLost(scenario, draft);
  });
});
