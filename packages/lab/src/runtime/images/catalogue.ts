import type { Image } from './image.ts';
import { parseImageReference } from './image-reference.ts';

/** The names in several catalogue files. Later files win over earlier ones. */
export class Catalogue {
  readonly #byName: ReadonlyMap<string, Image>;
  readonly #byId: ReadonlyMap<string, Image>;
  readonly #sources: readonly string[];

  constructor(images: readonly Image[], sources: readonly string[]) {
    this.#byName = new Map(images.map((image) => [key(image.name), image]));
    this.#byId = new Map(images.map((image) => [image.id, image]));
    this.#sources = sources;
  }

  get images(): readonly Image[] {
    return [...this.#byName.values()];
  }

  /** Finds an image by its identifier, or by its name: an entry with the same tag wins over one without a tag. */
  find(reference: string): Image | null {
    const known = this.#byId.get(reference);
    if (known !== undefined) return known;
    const { repository, tag } = parseImageReference(reference);
    const tagged = tag === null ? undefined : this.#byName.get(`${repository}:${tag}`);
    return tagged ?? this.#byName.get(repository) ?? null;
  }

  /** What to tell somebody who asked for an image that is not here. */
  explainMissing(reference: string): string {
    const names = [...this.#byName.keys()].sort().join(', ');
    return (
      `image "${reference}" is not in the lab's image catalogue. The lab pulls nothing: it runs local programs under image names. ` +
      `Add "${parseImageReference(reference).repository}" to a catalogue file and start the lab with --images FILE. ` +
      `Known images: ${names === '' ? 'none' : names} (from ${this.#sources.join(', ')})`
    );
  }
}

function key(name: string): string {
  const { repository, tag } = parseImageReference(name);
  return tag === null ? repository : `${repository}:${tag}`;
}
