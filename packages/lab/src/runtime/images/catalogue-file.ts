import { createHash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Image } from './image.ts';

/** What `${…}` stands for in a catalogue's file paths. */
export type CatalogueVariables = Readonly<Record<string, string>>;

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
