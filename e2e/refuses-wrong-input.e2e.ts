import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MigrationDraft, Scenario } from './scenario.ts';

const otherRoute = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: somebody-elses, namespace: default}
spec:
  hosts: [productcatalogservice]
  http: [{route: [{destination: {host: productcatalogservice}}]}]
`;

describe('wrong input', () => {
  let scenario: Scenario;
  let before: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('wrong-input');
    await scenario.shop();
    before = await scenario.world();
  });
  afterAll(() => scenario.end());

  /** Runs `vm join` on a file that is wrong in one way; whatever it says, nothing may have changed. */
  async function joinWith(change: (draft: MigrationDraft) => void) {
    const file = await scenario.migration(change, 'wrong.yaml');
    const result = await scenario.meshlift(file, 'vm', 'join');
    expect(await scenario.world()).toBe(before);
    return result;
  }

  it('an unknown key is named with its path', async () => {
    const { exitCode, stderr } = await joinWith((draft) => {
      draft.spec.rollout.stepps = [50];
    });
    expect(exitCode).toBe(65);
    expect(stderr).toContain('spec.rollout.stepps');
    expect(stderr).toContain('next:');
  });

  it('a wrong type is named with what was there and what is needed', async () => {
    const { exitCode, stderr } = await joinWith((draft) => {
      draft.spec.service.port = 'many';
    });
    expect(exitCode).toBe(65);
    expect(stderr).toContain('spec.service.port: "many" is there; needed: a value of type number');
  });

  it('a context that is not in the kubeconfig is named, with those that are', async () => {
    const { exitCode, stderr } = await joinWith((draft) => {
      draft.spec.clusters[1].context = 'cluster9';
    });
    expect(exitCode).toBe(65);
    expect(stderr).toContain('cluster9');
    expect(stderr).toContain('cluster1');
  });

  it('ssh that nobody answers is a check that fails', async () => {
    const { exitCode, stderr } = await joinWith((draft) => {
      draft.spec.vm.ssh.port = 1;
    });
    expect(exitCode).toBe(79);
    expect(stderr).toContain('ssh');
    expect(stderr).toContain('next:');
  });

  it('a host key that is not the expected one is never accepted', async () => {
    const knownHosts = join(scenario.folder, 'known_hosts');
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDIhz2GK/XCUj4i6Q5yQJNL1MKMPSmvjHTeNR6bgoXQr';
    const { stdout } = await scenario.onVm('hostname');
    await writeFile(
      knownHosts,
      ['vm', stdout.trim(), scenario.stage.vm.address].map((host) => `${host} ${key}\n`).join(''),
    );
    const { exitCode, stderr } = await joinWith((draft) => {
      draft.spec.vm.ssh.knownHostsFile = knownHosts;
    });
    expect(exitCode).toBe(79);
    expect(stderr).toMatch(/host key/);
  });

  it('a cluster that does not answer is named', async () => {
    const broken = join(scenario.folder, 'broken.kubeconfig');
    await writeFile(
      broken,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'gone', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [{ name: 'gone', user: { token: 'none' } }],
        contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'gone' } }],
      }),
    );
    const { exitCode, stderr } = await joinWith((draft) => {
      Object.assign(draft.spec.clusters[1], { context: 'gone', kubeconfig: broken });
    });
    expect(exitCode).toBe(79);
    expect(stderr).toContain('cluster2');
    expect(stderr).toContain('every member cluster answers');
  });

  it("someone else's VirtualService on the host is a check that fails, and stays as it is", async () => {
    await scenario.stage.kubectl('cluster2', ['apply', '-f', '-'], otherRoute);
    const world = await scenario.world();
    const file = await scenario.migration();
    const { exitCode, stderr } = await scenario.meshlift(file, 'vm', 'join');
    expect(exitCode).toBe(79);
    expect(stderr).toContain('VirtualService default/somebody-elses in cluster2');
    expect(await scenario.world()).toBe(world);
    await scenario.stage.kubectl('cluster2', ['delete', 'virtualservice', 'somebody-elses']);
  });
});
