import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, LabError } from '../errors.ts';

/** The lab's own images: Istio's, CoreDNS, Redis. */
export const OWN_CATALOGUE = fileURLToPath(new URL('../../images.json', import.meta.url));

/** The paths of all catalogues, of which later ones win; refuses files that are none. */
export async function readCatalogues(given: readonly string[], cwd: string): Promise<string[]> {
  const paths = given.map((path) => resolve(cwd, path));
  for (const path of paths) await checkCatalogue(path);
  return [OWN_CATALOGUE, ...paths];
}

async function checkCatalogue(path: string): Promise<void> {
  const refuse = (why: string) => new LabError(`--images ${path}: ${why}`, EXIT.badInput);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(error.code === 'ENOENT' ? 'there is no such file' : error.message);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is not JSON: ${(error as Error).message}`);
  }
  const images = (value as { images?: unknown } | null)?.images;
  if (typeof images !== 'object' || images === null || Array.isArray(images)) {
    throw refuse('it has no object `images` that maps names to images; packages/lab/README.md shows one');
  }
}
