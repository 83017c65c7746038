import { expect, test } from 'vitest';
import { sortManifests } from './manifests.ts';

const TEXT = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  labels:
    app: istio
  name: gateways.networking.istio.io
spec:
  names:
    kind: Gateway
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-ingressgateway, namespace: istio-system}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector}
---
`;

test('definitions stay text with their own names; gateways and webhooks are kept apart from the rest', () => {
  const { definitions, base, webhooks, gateways } = sortManifests(TEXT);
  expect(definitions).toEqual([
    { name: 'gateways.networking.istio.io', yaml: expect.stringContaining('kind: Gateway') },
  ]);
  expect(base.map(({ metadata }) => metadata.name)).toEqual(['istiod']);
  expect(gateways.map(({ metadata }) => metadata.name)).toEqual(['istio-ingressgateway']);
  expect(webhooks.map(({ metadata }) => metadata.name)).toEqual(['istio-sidecar-injector']);
});

test('a definition without a name is an error, not a surprise later', () => {
  expect(() => sortManifests('kind: CustomResourceDefinition\nmetadata:\n  labels: {}\n')).toThrow(
    /without a name/,
  );
});
