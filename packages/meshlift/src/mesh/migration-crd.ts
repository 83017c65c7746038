import type { KubeObject } from '../effects/kube/port.ts';

export const migrationKind = { apiVersion: 'meshlift.dev/v1alpha1', kind: 'Migration' } as const;

/**
 * The Migration's definition. The schema is open on purpose: the command line checks a migration.yaml strictly before
 * it is stored, and a status written by a newer Meshlift must not be cut down by an older definition.
 */
export const migrationDefinition: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'migrations.meshlift.dev' },
  spec: {
    group: 'meshlift.dev',
    scope: 'Namespaced',
    names: { plural: 'migrations', singular: 'migration', kind: 'Migration', shortNames: ['mig'] },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
          { name: 'VM', type: 'integer', jsonPath: '.status.agreed.split.vm' },
          { name: 'K8s', type: 'integer', jsonPath: '.status.agreed.split.k8s' },
          { name: 'State', type: 'string', jsonPath: '.status.outcome.state' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};
