import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployment, pod } from '../lab-manifests.ts';
import { claimsOf } from '../lab-tokens.ts';
import { LabUnderTest, until } from '../lab-under-test.ts';

const CLUSTER = 'cluster1';
const MANY = 60;
/** A token must be asked for at least ten minutes, and the kubelet renews it when four fifths of them are over. */
const LIFETIME_S = 600;
const RENEWED_MS = 600_000;

interface PodStatus {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses: readonly { readonly restartCount: number }[];
  readonly initContainerStatuses: readonly { readonly restartCount: number }[];
}

describe('a cluster full of pods with sidecars', () => {
  let lab: LabUnderTest;

  beforeAll(async () => {
    lab = await LabUnderTest.begin('holds', ['--clusters', '1', '--no-vm']);
  });
  afterAll(() => lab.end());

  it('has them all well for as long as it takes, and renews their tokens', async () => {
    const token = { path: 'token', audience: 'somebody', expirationSeconds: LIFETIME_S };
    const volumes = [{ name: 'tokens', projected: { sources: [{ serviceAccountToken: token }] } }];
    const volumeMounts = [{ name: 'tokens', mountPath: '/tokens' }];
    const sleeper = { image: 'debian', command: ['sleep', 'infinity'] };
    await lab.apply(
      CLUSTER,
      pod('bearer', { ...sleeper, volumeMounts }, { spec: { volumes } }),
      deployment('many', MANY, sleeper),
    );
    await lab.kubectl(CLUSTER, 'wait', '--for=condition=Ready', 'pod/bearer', '--timeout=200s');
    const read = () => lab.kubectl(CLUSTER, 'exec', 'bearer', '-c', 'bearer', '--', 'cat', '/tokens/token');
    const first = await read();
    await lab.kubectl(CLUSTER, 'rollout', 'status', 'deployment/many', '--timeout=200s');

    const second = await until(
      'the token is another',
      async () => {
        const now = await read();
        return now === first ? null : now;
      },
      RENEWED_MS,
    );
    const [before, after] = [claimsOf(first), claimsOf(second)];
    expect(after.exp - after.iat).toBe(LIFETIME_S);
    expect(after.iat).toBeGreaterThan(before.iat);
    expect(after.iat).toBeLessThan(before.exp);

    const { items } = await lab.get(CLUSTER, 'pods');
    const statuses = (items as { status: PodStatus }[]).map(({ status }) => status);
    expect(statuses).toHaveLength(MANY + 1);
    expect(
      statuses.filter((it) =>
        it.conditions.some(({ type, status }) => type === 'Ready' && status !== 'True'),
      ),
    ).toEqual([]);
    const containers = statuses.flatMap((it) => [...it.containerStatuses, ...it.initContainerStatuses]);
    // Its own, the sidecar, and the one that leads the traffic through it.
    expect(containers).toHaveLength(3 * (MANY + 1));
    expect(containers.filter(({ restartCount }) => restartCount > 0)).toEqual([]);
    expect(
      (await lab.readStatus()).components.filter((it) => it.health !== 'ready' || it.restarts > 0),
    ).toEqual([]);
  }, 900_000);
});
