import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyDescriptions } from '../packages/meshlift/src/spec/key-descriptions.ts';
import { migrationJsonSchema, migrationKeys } from '../packages/meshlift/src/spec/migration-schema.ts';
import { made, referencePages } from './reference.ts';

const folder = join(import.meta.dirname, 'reference');
const pages = referencePages();
if (process.env.UPDATE_GOLDEN) {
  for (const [file, text] of pages) writeFileSync(join(folder, file), text);
}

describe('the reference', () => {
  it.each([...pages.keys()])('docs/reference/%s says what the code says', (file) => {
    // Stale? UPDATE_GOLDEN=1 npx vitest run --project unit docs/reference
    expect(readFileSync(join(folder, file), 'utf8')).toBe(pages.get(file));
  });

  it('has no page that claims to be made, and is not', () => {
    const claiming = readdirSync(folder).filter((file) =>
      readFileSync(join(folder, file), 'utf8').startsWith(made),
    );
    expect([...pages.keys()]).toEqual(expect.arrayContaining(claiming));
  });

  it('tells what every key of migration.yaml is for, and of no key that is not there', () => {
    const keys = migrationKeys(migrationJsonSchema()).map(({ path }) => path);
    expect([...new Set(keys)].toSorted()).toEqual(Object.keys(keyDescriptions).toSorted());
  });
});
