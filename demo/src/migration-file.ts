import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Stage } from './stage.ts';

/** The migration of the shop's catalog on this lab, as a user would write it. */
export function migrationFile(stage: Stage): string {
  const { ssh, address, sidecarPackage } = stage.vm;
  return stringify({
    apiVersion: 'meshlift.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name: 'productcatalog', namespace: 'default' },
    spec: {
      service: { name: 'productcatalogservice', port: 3550, protocol: 'grpc' },
      clusters: [
        { name: 'cluster1', context: 'cluster1', home: true },
        { name: 'cluster2', context: 'cluster2', target: true },
      ],
      topology: 'endpoint-discovery',
      vm: {
        host: address,
        ssh: { configFile: ssh.config, host: ssh.host },
        serviceAccount: 'productcatalog',
        probe: { grpc: { port: 3550 }, periodSeconds: 1 },
        sidecar: { package: sidecarPackage.path, sha256: sidecarPackage.sha256 },
      },
      workload: {
        manifests: [join(stage.root, 'packages/shop/manifests/catalog/productcatalogservice.yaml')],
        suffix: 'gke',
      },
      rollout: {
        steps: [20, 50, 100],
        // So long that the whole story is told by ten thousand calls and more, however quick the machine is.
        hold: '15s',
        gate: {
          minRequests: 100,
          maxErrorRate: '1%',
          maxErrorRateOverVm: '0.5%',
          p99OverVm: 3,
          // Two clusters and their load on one machine's cores: a burst of configuration delays calls by so much.
          p99Tolerance: '200ms',
          interval: '1s',
          failures: 2,
        },
      },
      retire: { idle: '5s' },
    },
  });
}
