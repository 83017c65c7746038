import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { stringify } from 'yaml';

/** Compares objects with `<name>.golden.yaml` here, as a reviewer reads them; with UPDATE_GOLDEN=1 writes it instead. */
export function expectGolden(name: string, objects: readonly unknown[]): void {
  const file = new URL(`${name}.golden.yaml`, import.meta.url);
  const text = objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n');
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
}
