import { expect, test } from 'vitest';
import { sampleMigration } from '../spec/testdata/sample-migration.ts';
import { migrationDefinition, migrationKind } from './migration-crd.ts';
import { expectGolden } from './testdata/golden.ts';

interface Definition {
  group: string;
  names: { plural: string; kind: string };
  versions: { name: string; served: boolean; storage: boolean; subresources: object }[];
}

test('the Migration’s definition', () => {
  expectGolden('migration-crd', [migrationDefinition]);
});

test('the definition defines the kind that users write, with a status of its own', () => {
  const { group, names, versions } = migrationDefinition.spec as Definition;
  const [version] = versions;
  const { apiVersion, kind } = sampleMigration();
  expect(migrationKind).toEqual({ apiVersion, kind });
  expect(`${group}/${version?.name}`).toBe(apiVersion);
  expect(names.kind).toBe(kind);
  expect(migrationDefinition.metadata.name).toBe(`${names.plural}.${group}`);
  expect(version).toMatchObject({ served: true, storage: true, subresources: { status: {} } });
});
