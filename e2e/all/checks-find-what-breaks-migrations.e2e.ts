import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from '../scenario.ts';

interface CheckResult {
  readonly id: string;
  readonly sentence: string;
  readonly result: string;
  readonly findings: readonly { readonly why: string; readonly next: string }[];
}

/** What breaks one thing in one cluster, as somebody might have it there, and the check that has to notice. */
interface Breakage {
  readonly id: string;
  readonly cluster: 'cluster1' | 'cluster2';
  readonly result: 'fail' | 'warning';
  readonly says: string;
  readonly object: string;
}

const host = 'productcatalogservice.default.svc.cluster.local';

const breakages: readonly Breakage[] = [
  {
    id: 'mesh-sidecar-egress',
    cluster: 'cluster1',
    result: 'fail',
    says: 'Sidecar default/theirs in cluster1 lists',
    object: `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: theirs, namespace: default}
spec:
  workloadSelector: {labels: {app: checkoutservice}}
  egress: [{hosts: ["./${host}", "istio-system/*"]}]
`,
  },
  {
    id: 'mesh-no-other-virtualservice',
    cluster: 'cluster2',
    result: 'fail',
    says: 'VirtualService default/theirs in cluster2 is on',
    object: `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: theirs, namespace: default}
spec:
  hosts: [productcatalogservice]
  http: [{route: [{destination: {host: productcatalogservice}}]}]
`,
  },
  {
    id: 'mesh-no-other-destinationrule',
    cluster: 'cluster1',
    result: 'fail',
    says: 'DestinationRule default/theirs in cluster1 is on',
    object: `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: theirs, namespace: default}
spec: {host: ${host}, trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: 1}}}}
`,
  },
  {
    id: 'mesh-gateways-follow-the-split',
    cluster: 'cluster2',
    result: 'fail',
    says: 'VirtualService default/theirs in cluster2 lets a gateway send requests',
    object: `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: theirs, namespace: default}
spec:
  hosts: [catalog.example]
  gateways: [ingress]
  http: [{route: [{destination: {host: ${host}}}]}]
`,
  },
  {
    id: 'mesh-authorization-of-callers',
    cluster: 'cluster2',
    result: 'warning',
    says: 'AuthorizationPolicy default/theirs in cluster2 selects',
    object: `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: theirs, namespace: default}
spec:
  selector: {matchLabels: {app: productcatalogservice}}
  rules: [{from: [{source: {namespaces: [default]}}]}]
`,
  },
  {
    id: 'mesh-mutual-tls',
    cluster: 'cluster2',
    result: 'fail',
    says: 'PeerAuthentication default/theirs in cluster2 turns mutual TLS off',
    object: `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: theirs, namespace: default}
spec:
  selector: {matchLabels: {app: productcatalogservice}}
  mtls: {mode: DISABLE}
`,
  },
];

describe('what breaks migrations', () => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin('what-breaks');
    await scenario.shop();
    file = await scenario.migration();
  });
  afterAll(() => scenario.end());

  async function check(): Promise<{ exitCode: number; results: ReadonlyMap<string, CheckResult> }> {
    const { exitCode, stdout } = await scenario.meshlift(file, 'check', '-o', 'json');
    const { checks } = JSON.parse(stdout) as { checks: CheckResult[] };
    return { exitCode, results: new Map(checks.map((it) => [it.id, it])) };
  }

  it('is not there on a lab that is ready: everything holds that would stop', async () => {
    const { exitCode, results } = await check();
    const stopping = [...results.values()].filter(({ result }) => ['fail', 'skipped'].includes(result));
    expect(stopping).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it.each(breakages)(
    'is noticed in time, and its mending: $id',
    async ({ cluster, id, object, result, says }) => {
      await scenario.stage.kubectl(cluster, ['apply', '-f', '-'], object);
      const broken = await check();
      expect(broken.results.get(id)?.result).toBe(result);
      expect(
        broken.results
          .get(id)
          ?.findings.map(({ why }) => why)
          .join('\n'),
      ).toContain(says);
      expect(broken.exitCode).toBe(result === 'fail' ? 79 : 0);
      await scenario.stage.kubectl(cluster, ['delete', '-f', '-'], object);
      const mended = await check();
      expect(mended.results.get(id)?.result).toBe('pass');
      expect(mended.exitCode).toBe(0);
    },
  );
});
