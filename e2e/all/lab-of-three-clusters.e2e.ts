import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bystander, deployment, service } from '../lab-manifests.ts';
import { LabUnderTest, until } from '../lab-under-test.ts';

const CLUSTERS = ['cluster1', 'cluster2', 'cluster3'];

describe('three clusters without a VM', () => {
  let lab: LabUnderTest;

  beforeAll(async () => {
    lab = await LabUnderTest.begin('three', ['--clusters', '3', '--no-vm']);
  });
  afterAll(() => lab.end());

  it('is what the status says it is', async () => {
    const { clusters, vm, components } = lab.status;
    expect(clusters.map(({ context }) => context)).toEqual(CLUSTERS);
    expect(vm).toBeNull();
    expect(components.filter(({ health }) => health !== 'ready')).toEqual([]);
    const { exitCode, stderr } = await lab.lab('ssh');
    expect(stderr).toMatch(/was started with --no-vm.*\n$/);
    expect(exitCode).toBe(65);
  });

  it.each(CLUSTERS)('%s has all three synced', async (cluster) => {
    const [, ...rows] = (await lab.istioctl(cluster, 'remote-clusters')).stdout.trim().split('\n');
    expect(rows.map((row) => row.match(/^(\S+) .*\bsynced\b/)?.[1]).sort()).toEqual(CLUSTERS);
  });

  it('a Service with pods in all of them answers from all of them', async () => {
    const app = (version: string) => ({ env: [{ name: 'VERSION', value: version }] });
    await Promise.all(
      CLUSTERS.map((cluster) => lab.apply(cluster, service('web'), deployment('web', 1, app(cluster)))),
    );
    await lab.apply('cluster3', bystander('client'));
    await lab.kubectl('cluster3', 'wait', '--for=condition=Ready', 'pod/client', '--timeout=120s');
    await Promise.all(
      CLUSTERS.map((cluster) =>
        lab.kubectl(cluster, 'rollout', 'status', 'deployment/web', '--timeout=120s'),
      ),
    );
    const script = 'for i in $(seq 30); do curl -s --max-time 5 http://web.default/; done';
    await until('all three answer', async () => {
      const command = ['exec', 'client', '-c', 'client', '--', 'sh', '-c', script];
      const answers = (await lab.kubectl('cluster3', ...command)).split('\n');
      const versions = answers
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line).version as string);
      return CLUSTERS.every((cluster) => versions.includes(cluster)) ? true : null;
    });
  });
});
