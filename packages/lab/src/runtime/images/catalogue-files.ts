import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Catalogue } from './catalogue.ts';
import { CatalogueError, type CatalogueVariables, parseCatalogue } from './catalogue-file.ts';
import type { Image } from './image.ts';

/** Catalogue files that are read again when they have changed, so that images can be registered while the lab runs. */
export class CatalogueFiles {
  readonly #paths: readonly string[];
  readonly #variables: CatalogueVariables;
  #read: { readonly version: string; readonly catalogue: Catalogue } | null = null;

  constructor(paths: readonly string[], variables: CatalogueVariables) {
    this.#paths = paths.map((path) => resolve(path));
    this.#variables = variables;
  }

  /** @throws CatalogueError when a file cannot be used */
  async current(): Promise<Catalogue> {
    const changes = await Promise.all(this.#paths.map(async (path) => (await this.#stat(path)).mtimeMs));
    const version = changes.join(' ');
    if (this.#read?.version === version) return this.#read.catalogue;
    const images: Image[] = [];
    for (const path of this.#paths)
      images.push(...parseCatalogue(await readFile(path, 'utf8'), path, this.#variables));
    const catalogue = new Catalogue(images, this.#paths);
    this.#read = { version, catalogue };
    return catalogue;
  }

  async #stat(path: string) {
    try {
      return await stat(path);
    } catch (cause) {
      throw new CatalogueError(`the image catalogue ${path} cannot be read`, { cause });
    }
  }
}
