import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { root, Scenario } from '../scenario.ts';
import { expectNothingLost, expectRetired } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'];
const port = 3551;

/** The catalog answers gRPC on one port, and over HTTP on another what it is set to: the copy's setting tells the sides apart. */
describe('a whole migration of a service with two ports', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('ports');
    await scenario.shop();
    await scenario.onVm(
      `echo ADMIN_PORT=${port} | sudo tee /etc/default/productcatalogservice; sudo systemctl restart productcatalogservice`,
    );
    const added = { name: 'http-settings', port, targetPort: port };
    const patch = JSON.stringify([{ op: 'add', path: '/spec/ports/-', value: added }]);
    for (const cluster of clusters) {
      await scenario.stage.kubectl(cluster, [
        ...['patch', 'service', 'productcatalogservice', '--type', 'json', '-p', patch],
      ]);
    }
    const copy = await copyWithTwoPorts(scenario.folder);
    file = await scenario.migration((draft) => {
      draft.spec.service.morePorts = [{ port, protocol: 'http' }];
      draft.spec.workload.manifests = [copy];
      draft.spec.net = { retries: 'idempotent' };
    });
    await scenario.done(file, 'check');
    await scenario.join(file);
    await scenario.done(file, 'deploy');
  });
  afterAll(() => scenario.end());

  /** Asks the second port from a program in a cluster, often; answers how often each side answered, and nobody did. */
  async function asked(cluster: string, times = 100): Promise<{ vm: number; k8s: number; failed: number }> {
    const program = `const seen = { vm: 0, k8s: 0, failed: 0 };
      for (let i = 0; i < ${times}; i++) {
        const answer = await fetch('http://productcatalogservice:${port}/faults').catch(() => null);
        if (answer?.status !== 200) seen.failed += 1;
        else seen[(await answer.json()).latencyMs === 1 ? 'k8s' : 'vm'] += 1;
      }
      console.log(JSON.stringify(seen));`;
    const caller = cluster === 'cluster1' ? 'recommendationservice' : 'frontend';
    return JSON.parse(
      await scenario.stage.kubectl(cluster, [
        ...['exec', `deploy/${caller}`, '-c', 'server', '--'],
        ...['/usr/local/bin/node', '--input-type=module', '-e', program],
      ]),
    );
  }

  it('sends both ports to the VM before the first split', async () => {
    for (const cluster of clusters) expect(await asked(cluster)).toEqual({ vm: 100, k8s: 0, failed: 0 });
  });

  it('has one split for both ports', async () => {
    await scenario.done(file, 'shift', '50');
    for (const cluster of clusters) {
      const { vm, k8s, failed } = await asked(cluster);
      expect(failed).toBe(0);
      expect(Math.min(vm, k8s)).toBeGreaterThan(25);
    }
  });

  it('catches both ports when the VM’s program dies', async () => {
    await scenario.onVm('sudo systemctl stop productcatalogservice');
    for (const cluster of clusters) expect(await asked(cluster)).toEqual({ vm: 0, k8s: 100, failed: 0 });
    await scenario.onVm('sudo systemctl start productcatalogservice');
  });

  it('runs to the end and retires the VM, with both ports answered by the pods', async () => {
    await expectRetired(scenario, file);
    for (const cluster of clusters) expect(await asked(cluster)).toEqual({ vm: 0, k8s: 100, failed: 0 });
  });

  it('lost no request, by the customers’ count and by the callers’ proxies', async () => {
    await expectNothingLost(scenario, file);
  });
});

/** The shop's copy of the catalog with its second port open, to the mesh as well; answers the manifest's path. */
async function copyWithTwoPorts(folder: string): Promise<string> {
  const from = join(root, 'packages/shop/manifests/catalog/productcatalogservice.yaml');
  const documents = parseAllDocuments(await readFile(from, 'utf8')).map((it) => it.toJS());
  const template = documents.find(({ kind }) => kind === 'Deployment').spec.template;
  delete template.metadata.annotations;
  const [server] = template.spec.containers;
  server.ports.push({ name: 'http-settings', containerPort: port });
  server.env.push({ name: 'ADMIN_PORT', value: String(port) }, { name: 'FAULT_LATENCY', value: '1ms' });
  const file = join(folder, 'catalog-with-two-ports.yaml');
  await writeFile(file, documents.map((it) => stringify(it)).join('---\n'));
  return file;
}
