import * as z from 'zod';
import { keyDescriptions } from './key-descriptions.ts';
import { migrationSchema } from './migration.ts';

/** A node of a JSON schema, as far as this format uses it. */
export interface SchemaNode {
  description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** One key of migration.yaml, by its path. */
export interface KeyFacts {
  readonly path: string;
  readonly node: SchemaNode;
  readonly required: boolean;
}

/** migration.yaml as a JSON schema, for editors: what users write, with what every key is for. */
export function migrationJsonSchema(): SchemaNode {
  const schema = z.toJSONSchema(migrationSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  for (const { node, path } of migrationKeys(schema)) {
    const description = (keyDescriptions as Readonly<Record<string, string>>)[path];
    if (description !== undefined) node.description = description;
  }
  return schema;
}

/** Every key, in the order of the file. */
export function migrationKeys(schema: SchemaNode, prefix = ''): readonly KeyFacts[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, node]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [{ path, node, required: schema.required?.includes(key) ?? false }, ...migrationKeys(node, path)];
  });
  const items = schema.items ? migrationKeys(schema.items, `${prefix}[]`) : [];
  return [...own, ...items, ...(schema.anyOf ?? []).flatMap((it) => migrationKeys(it, prefix))];
}
