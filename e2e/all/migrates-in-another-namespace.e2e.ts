import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';

/** The service has a namespace of its own, as services do; those who call it are elsewhere. */
describe('a whole migration in another namespace than the callers’', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('namespace', { namespace: 'catalog' });
    await scenario.shop();
    file = await scenario.migration();
    expect((await scenario.meshlift(file, 'check')).exitCode, scenario.log.join('\n')).toBe(0);
    expect((await scenario.meshlift(file, 'vm', 'join')).exitCode, scenario.log.join('\n')).toBe(0);
    await scenario.customersShopping();
  });
  afterAll(() => scenario.end());

  it('has the VM in that namespace, as the account that it has there', async () => {
    const text = await scenario.stage.kubectl('cluster1', ['get', 'workloadentries', '-A', '-o', 'json']);
    const entries: { metadata: { namespace: string }; spec: { serviceAccount: string } }[] =
      JSON.parse(text).items;
    expect(entries.map((it) => `${it.metadata.namespace}/${it.spec.serviceAccount}`)).toEqual([
      'catalog/productcatalog',
    ]);
    const { stdout } = await scenario.onVm(
      'sudo openssl x509 -noout -ext subjectAltName -in /etc/certs/cert-chain.pem',
    );
    expect(stdout).toContain('/ns/catalog/sa/productcatalog');
  });

  it('has one split in both clusters, which callers of another namespace follow', async () => {
    expect((await scenario.meshlift(file, 'deploy')).exitCode, scenario.log.join('\n')).toBe(0);
    expect((await scenario.meshlift(file, 'shift', '50')).exitCode, scenario.log.join('\n')).toBe(0);
    for (const cluster of ['cluster1', 'cluster2']) expect(await scenario.splitIn(cluster)).toBe('50/50');
    for (const { seen } of (await scenario.status()).splits.at(-1).clusters) {
      expect(seen.requests).toBeGreaterThanOrEqual(100);
      expect(seen.k8sPercent).toBeGreaterThan(30);
      expect(seen.k8sPercent).toBeLessThan(70);
    }
  });

  it('runs to the end, retires the VM, and leaves nothing in any namespace', async () => {
    expect(
      (await scenario.meshlift(file, 'run', '--until', 'retired')).exitCode,
      scenario.log.join('\n'),
    ).toBe(0);
    for (const cluster of ['cluster1', 'cluster2']) {
      expect(await scenario.splitIn(cluster)).toBeNull();
      expect(await scenario.leftIn(cluster)).toEqual([]);
    }
  });

  it('lost no request, also with the program on the VM stopped', async () => {
    await scenario.onVm('sudo systemctl stop productcatalogservice');
    expect((await scenario.meanwhile(300)).failed).toBe(0);
    const customers = await scenario.customers();
    expect(customers.requests.failed, JSON.stringify(customers.failuresByKind)).toBe(0);
    const { requests } = await scenario.report(file);
    expect(requests.failed).toBe(0);
    expect(requests.total).toBeGreaterThan(2_000);
  });
});
