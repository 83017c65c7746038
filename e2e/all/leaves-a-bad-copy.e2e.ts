import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import type { CommandResult } from '../../demo/src/command.ts';
import { root, Scenario } from '../scenario.ts';
import { report } from '../verdicts.ts';

/** How long after its first bad answer the copy may go on being called, from any cluster: milliseconds. */
const backWithin = 5_000;
/** What the gate lets pass as noise, milliseconds. */
const noise = 200;

/** Callers must not pay for a copy that is not what it should be: however it fails, every cluster goes back to the VM. */
describe('a bad copy', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('bad-copy');
    await writeManifest({ ready: false });
    file = await scenario.joined((draft) => {
      draft.spec.workload.manifests = [manifest()];
      draft.spec.rollout.steps = [20, 100];
      // Long enough for the copy to turn bad while it has its 20 %.
      draft.spec.rollout.hold = '2m';
      draft.spec.rollout.gate.p99Tolerance = `${noise}ms`;
      draft.spec.deadlines = { ready: '25s' };
    });
  });
  afterAll(() => scenario.end());

  const manifest = () => join(scenario.folder, 'catalog.yaml');

  /** The shop's catalog with its switch for failures, and with probes that it passes or never does. */
  async function writeManifest({ ready }: { readonly ready: boolean }): Promise<void> {
    const text = await readFile(
      join(root, 'packages/shop/manifests/catalog/productcatalogservice.yaml'),
      'utf8',
    );
    const documents = parseAllDocuments(text).map((it) => it.toJS());
    const { template } = documents.find(({ kind }) => kind === 'Deployment').spec;
    const [server] = template.spec.containers;
    server.env.push({ name: 'ADMIN_PORT', value: '3551' });
    if (!ready) server.startupProbe = { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 600 };
    await writeFile(manifest(), documents.map((it) => stringify(it)).join('---\n'));
  }

  /** Changes how the running copy answers; answers when it did. */
  async function behave(plan: { readonly errorRate: number; readonly latencyMs: number }): Promise<number> {
    const pods = await scenario.stage.kubectl('cluster2', [
      ...['get', 'pods', '-l', 'app=productcatalogservice', '-o', 'name'],
    ]);
    const name = pods.trim().split('\n')[0]?.replace('pod/', '');
    const path = `/api/v1/namespaces/default/pods/${name}:3551/proxy/faults`;
    await scenario.stage.kubectl('cluster2', ['replace', '--raw', path, '-f', '-'], JSON.stringify(plan));
    return Date.now();
  }

  /** Runs the migration until it stands at 20 %, lets `turnBad` happen then, and waits for the command's end. */
  async function runUntilBad<T>(turnBad: () => Promise<T>): Promise<{ result: CommandResult; bad: T }> {
    const before = (await scenario.status()).generation;
    const running = scenario.meshlift(file, 'run');
    await scenario.until('20 % agreed, and passed once', async () => {
      const { agreed, verdicts } = await scenario.status();
      return agreed.generation > before && agreed.split.k8s === 20 && verdicts.at(-1)?.verdict === 'pass'
        ? true
        : null;
    });
    const bad = await turnBad();
    return { result: await running, bad };
  }

  async function expectAllOnVm(): Promise<void> {
    expect(await scenario.splitIn('cluster1')).toBe('100/0');
    expect(await scenario.splitIn('cluster2')).toBe('100/0');
    const { agreed, outcome, phase } = await scenario.status();
    expect(agreed.split).toEqual({ vm: 100, k8s: 0 });
    expect(phase).toBe('Deployed');
    expect(outcome.state).toBe('RolledBack');
  }

  /** By the customers' own record: how long after `since` the last of their calls reached the copy, milliseconds. */
  async function lastCall(since: number): Promise<number> {
    const { lastAt = {} } = (await scenario.customers()).catalogCalls ?? {};
    const took = Math.max(...Object.values(lastAt).map(({ k8s = '' }) => Date.parse(k8s))) - since;
    process.stderr.write(`the copy's last call came ${took} ms after its first bad answer\n`);
    return took;
  }

  it('that never gets ready is given no request, and is told', async () => {
    const deployed = await scenario.meshlift(file, 'deploy');
    expect(deployed.exitCode).not.toBe(0);
    expect(deployed.stderr).toMatch(/productcatalogservice has 0 of 1 pods ready/);
    expect(await scenario.splitIn('cluster1')).toBe('100/0');
    const customers = await scenario.customers();
    expect(customers.catalogCalls?.bySide?.k8s ?? 0).toBe(0);
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
  });

  it('can be mended and deployed again', async () => {
    await writeManifest({ ready: true });
    await scenario.stage.kubectl('cluster2', ['delete', 'deployment', 'productcatalogservice']);
    await scenario.done(file, 'deploy');
    const { failuresByKind, requests } = await scenario.customers();
    expect(requests.failed, JSON.stringify(failuresByKind)).toBe(0);
  });

  it('that begins to fail one in five requests is left within seconds, and what it cost is counted', async () => {
    const { result, bad } = await runUntilBad(() => behave({ errorRate: 0.2, latencyMs: 0 }));
    expect(result.exitCode, result.stderr).toBe(3);
    await expectAllOnVm();
    expect(await lastCall(bad), result.stderr).toBeLessThan(backWithin);

    const seen = await scenario.customers();
    expect(seen.catalogCalls?.failed).toBeGreaterThan(0);
    const { requests } = await report(scenario, file);
    expect(requests.failed).toBeGreaterThanOrEqual(seen.catalogCalls?.failed ?? 0);
  });

  it('that gets at least five times slower than the VM is left within seconds', async () => {
    await behave({ errorRate: 0, latencyMs: 0 });
    const { result, bad: firstBadAnswer } = await runUntilBad(async () => {
      const { verdicts } = await scenario.status();
      const { p99Ms } = verdicts.at(-1).sides.vm;
      // A histogram knows the limit only as the end of its bucket, so a delay just over the limit may pass for it.
      const latencyMs = Math.ceil(Math.max(5 * p99Ms, 2 * (p99Ms + noise)));
      return (await behave({ errorRate: 0, latencyMs })) + latencyMs;
    });
    expect(result.exitCode, result.stderr).toBe(3);
    expect(result.stderr).toMatch(/requests to the k8s side took over|p99 is/);
    await expectAllOnVm();
    expect(await lastCall(firstBadAnswer), result.stderr).toBeLessThan(backWithin);
  });

  it('that crashes again and again is left, though the net catches what it drops', async () => {
    await behave({ errorRate: 0, latencyMs: 0 });
    const before = await scenario.customers();
    const crashing = new AbortController();
    const { bad, result } = await runUntilBad(async () => ({ over: crashAgainAndAgain(crashing.signal) }));
    crashing.abort();
    await bad.over;
    expect(result.exitCode, result.stderr).toBe(3);
    expect(result.stderr).toMatch(/the safety net caught \d+ of them/);
    await expectAllOnVm();
    const after = await scenario.customers();
    const failed = after.requests.failed - before.requests.failed;
    // Safe retries give back what a crash itself cut off: no more than was under way.
    expect(failed, JSON.stringify(after.failuresByKind)).toBeLessThanOrEqual(20);
  });

  /** Kills the copy whenever it is up. */
  async function crashAgainAndAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { labName } = scenario.stage;
      await scenario.stage.meshlift(
        ['lab', 'fault', 'kill', 'cluster2/productcatalogservice', '--name', labName],
        { quiet: true },
      );
      await scenario.until('the copy to be up again', async () =>
        signal.aborted || (await copyReady()) ? true : null,
      );
    }
  }

  async function copyReady(): Promise<boolean> {
    const ready = ['get', 'deployment', 'productcatalogservice', '-o', 'jsonpath={.status.readyReplicas}'];
    return (await scenario.stage.kubectl('cluster2', ready)) === '1';
  }
});
