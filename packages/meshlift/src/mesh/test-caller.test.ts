import { expect, test } from 'vitest';
import type { KubeObject } from '../effects/kube/port.ts';
import { callersAmong } from '../metrics/callers.ts';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { callerImage, testCaller } from './test-caller.ts';
import { expectGolden } from './testdata/golden.ts';

const image = { image: 'registry.istio.io/release/proxyv2:1.31.0', revision: null };

test('a caller of the service’s name', () => {
  expectGolden('test-caller-grpc', [testCaller(sampleMigration(), image)]);
});

test('a caller of the copy’s own host, of another revision and with an identity that is let in', () => {
  const migration = sampleMigration({
    service: { name: 'redis', port: 6379, protocol: 'tcp' },
    workload: { manifests: ['a.yaml'], suffix: 'gke', test: { serviceAccount: 'frontend' } },
  });
  expectGolden('test-caller-tcp', [testCaller(migration, { ...image, revision: 'canary' })]);
});

test('the sidecar’s image is found as a container and as a native sidecar, and its revision with it', () => {
  const proxy = { name: 'istio-proxy', image: 'proxyv2:1' };
  const pod = (spec: object, annotations = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', annotations },
    spec,
  });
  expect(callerImage(pod({ containers: [{ name: 'app', image: 'app:1' }, proxy] }))).toEqual({
    image: 'proxyv2:1',
    revision: null,
  });
  expect(callerImage(pod({ containers: [], initContainers: [proxy] }, { 'istio.io/rev': 'canary' }))).toEqual(
    {
      image: 'proxyv2:1',
      revision: 'canary',
    },
  );
  expect(callerImage(pod({ containers: [{ name: 'app', image: 'app:1' }] }))).toBeNull();
});

test('what it sends is nobody’s traffic', () => {
  const pod = {
    ...testCaller(sampleMigration(), image),
    status: { phase: 'Running', containerStatuses: [{ name: 'istio-proxy', containerID: 'a' }] },
  };
  const { labels: _labels, ...unmarked } = pod.metadata;
  expect(callersAmong('cluster1', [pod])).toEqual([]);
  expect(callersAmong('cluster1', [{ ...pod, metadata: unmarked }])).toHaveLength(1);
});
