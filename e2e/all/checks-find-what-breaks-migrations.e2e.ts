import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, Scenario } from '../scenario.ts';

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
  {
    id: 'traffic-callers-have-sidecars',
    cluster: 'cluster1',
    result: 'fail',
    says: 'default/legacy in cluster1 calls productcatalogservice (CATALOG_ADDR of container server) and has no sidecar',
    object: `
apiVersion: v1
kind: Pod
metadata: {name: legacy, namespace: default, labels: {app: legacy, sidecar.istio.io/inject: "false"}}
spec:
  containers:
    - name: server
      image: meshlift.dev/shop/currencyservice:1.0.0
      env: [{name: PORT, value: "7000"}, {name: CATALOG_ADDR, value: "productcatalogservice:3550"}]
`,
  },
  {
    id: 'workload-quota',
    cluster: 'cluster2',
    result: 'fail',
    says: 'ResourceQuota default/theirs in cluster2 has 0 of pods left, and Deployment productcatalogservice needs 1',
    object: `
apiVersion: v1
kind: ResourceQuota
metadata: {name: theirs, namespace: default}
spec: {hard: {pods: "1"}}
`,
  },
  {
    id: 'workload-limit-range',
    cluster: 'cluster2',
    result: 'fail',
    says: 'LimitRange default/theirs in cluster2 allows at most 64 MiB of memory to a container',
    object: `
apiVersion: v1
kind: LimitRange
metadata: {name: theirs, namespace: default}
spec: {limits: [{type: Container, max: {memory: 64Mi}, default: {memory: 64Mi}, defaultRequest: {memory: 16Mi}}]}
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

  it.each(breakages)('is noticed in time, and its mending: $id', async (breakage) => {
    const { cluster, id, object, result, says } = breakage;
    await scenario.stage.kubectl(cluster, ['apply', '-f', '-'], object);
    // A pod has to start, and a quota to be counted, before there is something to see.
    const broken = await scenario.until(`${id} to notice`, async () => {
      const seen = await check();
      return seen.results.get(id)?.result === 'pass' ? null : seen;
    });
    const found = broken.results.get(id);
    expect(found?.result).toBe(result);
    expect(found?.findings.map(({ why }) => why).join('\n')).toContain(says);
    expect(broken.exitCode).toBe(result === 'fail' ? 79 : 0);

    await scenario.stage.kubectl(cluster, ['delete', '-f', '-'], object);
    const mended = await check();
    expect(mended.results.get(id)?.result).toBe('pass');
    expect(mended.exitCode).toBe(0);
  });

  it('is noticed when somebody lets in the VM by its identity, and not the copy', async () => {
    const folder = join(root, 'packages/shop/manifests/catalog');
    const manifest = await readFile(join(folder, 'productcatalogservice.yaml'), 'utf8');
    const copy = join(scenario.folder, 'copy.yaml');
    await writeFile(
      copy,
      manifest.replaceAll(/(serviceAccountName|^ {2}name): productcatalog$/gm, '$1: catalog-in-k8s'),
    );
    const other = await scenario.migration((draft) => {
      draft.spec.workload.manifests = [copy];
    }, 'other-account.yaml');
    const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: theirs, namespace: default}
spec:
  selector: {matchLabels: {app: currencyservice}}
  rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/productcatalog]}}]}]
`;
    await scenario.stage.kubectl('cluster1', ['apply', '-f', '-'], policy);
    const { exitCode, stdout } = await scenario.meshlift(other, 'check');
    expect(stdout).toContain('✗ whoever lets in the VM by its identity lets in the copy, too');
    expect(stdout).toContain('AuthorizationPolicy default/theirs in cluster1 lets in the VM');
    expect(exitCode).toBe(79);
    // Under the VM's own account the copy is let in as well.
    expect((await check()).results.get('mesh-authorization-of-the-copy')?.result).toBe('pass');
    await scenario.stage.kubectl('cluster1', ['delete', '-f', '-'], policy);
  });

  it('is noticed when the service has on the VM what the manifests don’t bring; secrets stay there', async () => {
    const settings = '/etc/default/productcatalogservice';
    const restart = 'sudo systemctl restart productcatalogservice';
    await scenario.onVm(`echo DB_PASSWORD=hunter2 | sudo tee ${settings} >/dev/null; ${restart}`);
    const found = await scenario.until('the service with its new setting', async () => {
      const seen = (await check()).results.get('workload-environment');
      return seen?.result === 'warning' ? seen : null;
    });
    expect(JSON.stringify(found.findings)).toContain('DB_PASSWORD');
    expect(scenario.log.join('')).not.toContain('hunter2');
    await scenario.onVm(`sudo rm ${settings}; ${restart}`);
  });
});
