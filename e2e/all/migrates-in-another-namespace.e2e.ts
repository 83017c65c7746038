import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';
import { expectNothingLostWithoutVm, expectRetired, expectSplit } from '../verdicts.ts';

/** The service has a namespace of its own, as services do; those who call it are elsewhere. */
describe('a whole migration in another namespace than the callers’', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('namespace', { namespace: 'catalog' });
    await scenario.shop();
    file = await scenario.migration();
    await scenario.done(file, 'check');
    await scenario.join(file);
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
    await scenario.done(file, 'deploy');
    await scenario.done(file, 'shift', '50');
    await expectSplit(scenario, 50);
  });

  it('runs to the end, retires the VM, and leaves nothing in any namespace', async () => {
    await expectRetired(scenario, file);
  });

  it('lost no request, also with the program on the VM stopped', async () => {
    await expectNothingLostWithoutVm(scenario, file);
  });
});
