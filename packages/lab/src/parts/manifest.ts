import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What one folder of parts holds; written last, so a folder with a manifest was completed. */
export interface Manifest {
  /** The recipe's key: also the folder's name in the cache. */
  readonly key: string;
  readonly goArch: string;
  /** ISO 8601. */
  readonly made: string;
  /** Component → version, as the programs themselves report it. */
  readonly versions: Readonly<Record<string, string>>;
  /** Program → key of the recipe that it was made by. */
  readonly programs: Readonly<Record<string, string>>;
  /** Path in the folder → what is there. */
  readonly files: Readonly<Record<string, FileEntry>>;
}

export interface FileEntry {
  readonly bytes: number;
  readonly sha256: string;
  readonly executable: boolean;
}

/** Whether a text has the form of a recipe's key. */
export function isKey(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

export const MANIFEST_NAME = 'manifest.json';

/** The manifest of a folder of parts, or null where there is none that can be read. */
export async function readManifest(folder: string): Promise<Manifest | null> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST_NAME), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
  return parseManifest(text);
}

/** Null for anything that is not a manifest: a machine that lost power may leave an empty or torn file. */
export function parseManifest(text: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isManifest(value) ? value : null;
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { key, goArch, made, versions, programs, files } = value as Record<string, unknown>;
  return (
    [key, goArch, made].every((text) => typeof text === 'string') &&
    isRecordOf(versions, (version) => typeof version === 'string') &&
    isRecordOf(programs, (programKey) => typeof programKey === 'string') &&
    isRecordOf(files, isFileEntry)
  );
}

function isRecordOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(isItem);
}

function isFileEntry(value: unknown): value is FileEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { bytes, sha256, executable } = value as Record<string, unknown>;
  return typeof bytes === 'number' && typeof sha256 === 'string' && typeof executable === 'boolean';
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFile(join(folder, MANIFEST_NAME), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Reads every file below `folder` but the manifest. */
export async function describeFiles(folder: string): Promise<Record<string, FileEntry>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => path !== MANIFEST_NAME)
    .sort();
  const described: Record<string, FileEntry> = {};
  for (const path of paths) described[path] = await describeFile(join(folder, path));
  return described;
}

async function describeFile(path: string): Promise<FileEntry> {
  const hash = createHash('sha256');
  const { size, mode } = await stat(path);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return { bytes: size, sha256: hash.digest('hex'), executable: (mode & 0o100) !== 0 };
}

/** The first file that is missing or has another size than the manifest says, or null. Contents are not read. */
export async function firstDifference(folder: string, manifest: Manifest): Promise<string | null> {
  const checks = Object.entries(manifest.files).map(async ([path, entry]) => {
    try {
      return (await stat(join(folder, path))).size === entry.bytes ? null : path;
    } catch {
      return path;
    }
  });
  return (await Promise.all(checks)).find((path) => path !== null) ?? null;
}
