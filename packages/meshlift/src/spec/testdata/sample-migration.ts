import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type Migration, parseMigration } from '../migration.ts';

const text = readFileSync(new URL('productcatalog.migration.yaml', import.meta.url), 'utf8');

/** The shop's migration as tests use it, with parts of its spec (as a user would write them) replaced. */
export function sampleMigration(spec: Record<string, unknown> = {}): Migration {
  const document = parse(text) as { spec: object };
  const parsed = parseMigration({ ...document, spec: { ...document.spec, ...spec } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.migration;
}
