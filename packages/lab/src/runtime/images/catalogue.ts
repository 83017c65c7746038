import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parseImageReference } from './image-reference.ts';

/** What the lab runs for an image name: programs of this machine on the lab's Debian root. */
export interface Image {
  /** `sha256:…` of the definition. */
  readonly id: string;
  /** The name under which the catalogue has it. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** As in a Dockerfile: `user`, `user:group`, by name or number; empty is root. */
  readonly user: string;
  /** Path in the container → absolute path on this machine, shown read-only. */
  readonly files: Readonly<Record<string, string>>;
}

/** What `${…}` stands for in a catalogue's file paths. */
export type CatalogueVariables = Readonly<Record<string, string>>;

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

/** A catalogue file that cannot be used; the message names the file, the place and what to write instead. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
}

/**
 * Reads the images of one catalogue file's content.
 *
 * @param source absolute path of the file; relative paths in it start at its folder
 * @throws CatalogueError naming every problem at once
 */
export function parseCatalogue(
  content: string,
  source: string,
  variables: CatalogueVariables,
): readonly Image[] {
  let document: unknown;
  try {
    document = JSON.parse(content);
  } catch (cause) {
    throw new CatalogueError(
      `${source} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const problems: string[] = [];
  const images = isRecord(document) ? document.images : undefined;
  if (!isRecord(images)) {
    throw new CatalogueError(
      `${source}: write {"images": {"registry/name": {"entrypoint": ["/path"], "files": {}}}}`,
    );
  }
  const parsed = Object.entries(images).map(([name, definition]) =>
    parseImage(name, definition, { source, variables, problems }),
  );
  if (problems.length > 0)
    throw new CatalogueError(problems.map((problem) => `${source}: ${problem}`).join('\n'));
  return parsed;
}

interface ParseContext {
  readonly source: string;
  readonly variables: CatalogueVariables;
  readonly problems: string[];
}

const imageKeys = new Set(['entrypoint', 'cmd', 'env', 'workingDir', 'user', 'files']);

function parseImage(name: string, definition: unknown, context: ParseContext): Image {
  const at = `images["${name}"]`;
  const record = isRecord(definition) ? definition : {};
  if (!isRecord(definition)) context.problems.push(`${at} must be an object`);
  for (const unknown of Object.keys(record).filter((each) => !imageKeys.has(each))) {
    context.problems.push(`${at}.${unknown} is not known; known are ${[...imageKeys].join(', ')}`);
  }
  const files = Object.fromEntries(
    Object.entries(texts(record.files, `${at}.files`, context)).map(([target, path]) => {
      if (!isAbsolute(target))
        context.problems.push(`${at}.files["${target}"] must be an absolute path in the container`);
      return [
        target,
        resolve(dirname(context.source), substitute(path, `${at}.files["${target}"]`, context)),
      ];
    }),
  );
  const image = {
    name,
    entrypoint: list(record.entrypoint, `${at}.entrypoint`, context),
    command: list(record.cmd, `${at}.cmd`, context),
    env: texts(record.env, `${at}.env`, context),
    workingDir: text(record.workingDir, `${at}.workingDir`, context) || '/',
    user: text(record.user, `${at}.user`, context),
    files,
  };
  return { ...image, id: `sha256:${createHash('sha256').update(JSON.stringify(image)).digest('hex')}` };
}

function substitute(path: string, at: string, { variables, problems }: ParseContext): string {
  return path.replaceAll(/\$\{(\w+)\}/g, (whole, variable: string) => {
    const value = variables[variable];
    if (value === undefined) {
      problems.push(
        `${at}: ${whole} is not known; known are ${Object.keys(variables)
          .map((each) => `\${${each}}`)
          .join(', ')}`,
      );
    }
    return value ?? whole;
  });
}

function list(value: unknown, at: string, { problems }: ParseContext): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  problems.push(`${at} must be a list of strings`);
  return [];
}

function text(value: unknown, at: string, { problems }: ParseContext): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  problems.push(`${at} must be a string`);
  return '';
}

function texts(value: unknown, at: string, { problems }: ParseContext): Record<string, string> {
  if (value === undefined) return {};
  const isTexts = (candidate: unknown): candidate is Record<string, string> =>
    isRecord(candidate) && Object.values(candidate).every((each) => typeof each === 'string');
  if (isTexts(value)) return value;
  problems.push(`${at} must be an object of strings`);
  return {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

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
