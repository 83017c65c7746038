import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoCounts, echoEverywhere, echoImages, echoMigration } from '../echo.ts';
import type { Engine } from '../engine.ts';
import { atAnyLatency, fewerCustomers, root, Scenario } from '../scenario.ts';
import { expectNothingLost } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** Two services of one VM, each with a migration and an engine of its own; the second begins when the first has left the VM. */
describe('two migrations at once, one after the other', () => {
  let scenario: Scenario;
  let catalog: string;
  let echo: string;
  let second: Engine;
  const failedBefore: Record<string, number> = {};

  beforeAll(async () => {
    const images = [join(root, 'packages/shop/images.json'), echoImages];
    scenario = await Scenario.begin('waves', { customers: fewerCustomers, images });
    await scenario.shop();
    await echoEverywhere(scenario, 'http');
    catalog = await migrateCatalog();
    echo = await echoMigration(scenario, 'http', (draft) => {
      draft.spec.after = [{ name: 'productcatalog', phase: 'Retired' }];
      Object.assign(draft.spec.rollout, quickly);
      atAnyLatency(draft);
    });
  });
  afterAll(async () => {
    second?.signal('SIGKILL');
    await scenario.end();
  });

  const quickly = { steps: [50, 100], hold: '3s' };

  const migrateCatalog = (after: readonly string[] = []) =>
    scenario.migration((draft) => {
      draft.spec.after = after;
      Object.assign(draft.spec.rollout, quickly);
      atAnyLatency(draft);
    }, 'catalog.yaml');

  it('have the second wait and say for what, and change nothing meanwhile', async () => {
    second = await scenario.engine(echo, 'run', '--until', 'retired');
    await scenario.until(`the second to wait; ${second.said()}`, async () => {
      expect(second.hasEnded(), second.said()).toBe(false);
      return /default\/productcatalog/.test(second.said()) ? true : null;
    });
    const { phase } = await scenario.until('its record', async () => (await scenario.status('echo')) ?? null);
    expect(phase).toBe('Planned');
    for (const cluster of clusters) expect(await scenario.splitIn(cluster, 'echo')).toBeNull();
  });

  it('are refused in a circle', async () => {
    const circle = await scenario.meshlift(await migrateCatalog(['echo']), 'run');
    expect(circle.exitCode).toBe(65);
    expect(circle.stderr).toContain('default/productcatalog → default/echo → default/productcatalog');
    catalog = await migrateCatalog();
  });

  it('have the first run to its end beside it', async () => {
    await scenario.done(catalog, 'vm', 'join');
    await scenario.customersShopping();
    await scenario.done(catalog, 'run');
    expect((await scenario.status()).phase).toBe('Completed');
    expect((await scenario.status('echo')).phase).toBe('Planned');
    expect(second.hasEnded(), second.said()).toBe(false);
    await scenario.done(catalog, 'run', '--until', 'retired');
  });

  it('have the second begin then, by itself, and end on the copy', async () => {
    for (const cluster of clusters)
      failedBefore[cluster] = await scenario.until(`answers in ${cluster}; ${second.said()}`, async () => {
        const { http } = (await echoCounts(scenario, cluster)).counts;
        return (http.bySide.vm ?? 0) > 20 ? http.failed : null;
      });
    const { exitCode, stderr } = await second.ended;
    expect(exitCode, stderr).toBe(0);
    expect((await scenario.status('echo')).phase).toBe('Retired');
    for (const cluster of clusters) {
      expect(await scenario.splitIn(cluster, 'echo')).toBeNull();
      expect(await scenario.leftIn(cluster)).toEqual([]);
    }
  });

  it('lost no call of either service', async () => {
    await scenario.onVm('sudo systemctl stop echo productcatalogservice');
    expect((await scenario.meanwhile(300)).failed).toBe(0);
    await expectNothingLost(scenario, catalog);
    for (const cluster of clusters) {
      const { http } = (await echoCounts(scenario, cluster)).counts;
      expect(http.failed - (failedBefore[cluster] ?? 0), JSON.stringify(http.failures)).toBe(0);
      expect(http.bySide.k8s).toBeGreaterThan(100);
    }
  });
});
