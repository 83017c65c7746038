import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findBuild, finishBuild, lockPath, partsFolder, startBuild } from './cache.ts';
import { checkPrograms } from './check.ts';
import { pack, unpack } from './compressed-tar.ts';
import { PartsError } from './errors.ts';
import { waitingFor, withLock } from './lock.ts';
import { describeFiles, isKey, MANIFEST_NAME, type Manifest, readManifest } from './manifest.ts';
import { type PartsProgress, type Reporter, reporting } from './progress.ts';
import { MODULE_FOLDER, type Recipe, readRecipe } from './recipe.ts';

export interface ArchiveOptions {
  /** As for `ensureParts`. */
  readonly cacheDir: string;
  /** The archive: a tar file compressed with zstd, with the manifest first. */
  readonly file: string;
  readonly progress: (progress: PartsProgress) => void;
  readonly signal: AbortSignal;
  readonly moduleFolder?: string;
}

export interface ExportedParts {
  readonly file: string;
  readonly bytes: number;
  readonly key: string;
}

/**
 * Writes the parts of this version of the lab, which the cache must have, into one file. The file appears complete
 * or not at all; one of the same name is replaced.
 */
export async function exportParts(options: ArchiveOptions): Promise<ExportedParts> {
  const { cacheDir, progress, signal, moduleFolder = MODULE_FOLDER } = options;
  const file = resolve(options.file);
  const { key } = await readRecipe(moduleFolder);
  const build = await findBuild(cacheDir, key);
  if (build === null) {
    throw new PartsError(
      `There are no parts of this version of the lab (${key}) in ${partsFolder(cacheDir)}.`,
      'Make them first: `lab up` does.',
    );
  }
  const entries = Object.entries(build.manifest.files);
  const total = entries.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  const names = [MANIFEST_NAME, ...entries.map(([path]) => path)];
  const partial = `${file}.partial`;
  return reporting(progress, async (reporter) => {
    try {
      await pack(build.dir, names, partial, signal, tellBytes(reporter, 'writing', total));
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    return { file, bytes: (await stat(file)).size, key };
  });
}

export interface ImportedParts {
  readonly key: string;
  readonly dir: string;
  readonly versions: Readonly<Record<string, string>>;
  /** False when they are of another version of the lab: what both have in common is then not built again. */
  readonly usable: boolean;
}

/**
 * Puts parts that `exportParts` wrote, perhaps on another machine, into the cache. Everything is checked first:
 * every file against its checksum, and that the programs run here. A file that fails changes nothing.
 */
export async function importParts(options: ArchiveOptions): Promise<ImportedParts> {
  const { cacheDir, progress, signal, moduleFolder = MODULE_FOLDER } = options;
  const file = resolve(options.file);
  const recipe = await readRecipe(moduleFolder);
  const { size } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new PartsError(
      `${file} can't be read: ${error.message}.`,
      'Name a file that `lab parts export` wrote.',
    );
  });
  await mkdir(partsFolder(cacheDir), { recursive: true });
  return reporting(progress, (reporter) => {
    const locked = async () => {
      const folder = await startBuild(cacheDir);
      try {
        await unpack(file, folder, signal, tellBytes(reporter, 'reading', size)).catch((error: unknown) => {
          signal.throwIfAborted();
          throw damaged(file, 'it is cut short, damaged, or no archive of parts', error);
        });
        reporter.doing('checking every file');
        const { key, versions } = await verify(file, folder, recipe, signal);
        const dir = await finishBuild(cacheDir, folder, key);
        return { key, dir, versions, usable: key === recipe.key };
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    };
    return withLock(lockPath(cacheDir), signal, (holder) => reporter.doing(waitingFor(holder)), locked);
  });
}

/** Compares what was unpacked with its manifest, in both directions, and runs what this version of the lab knows. */
async function verify(file: string, folder: string, recipe: Recipe, signal: AbortSignal): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (manifest === null || !isKey(manifest.key)) throw damaged(file, 'it has no manifest of parts');
  const problem = await firstProblem(folder, manifest);
  if (problem !== null) throw damaged(file, problem);
  if (manifest.goArch !== recipe.goArch) {
    throw damaged(file, `its programs are for ${manifest.goArch}, and this machine is ${recipe.goArch}`);
  }
  for (const [path, { executable }] of Object.entries(manifest.files)) {
    await chmod(join(folder, path), executable ? 0o755 : 0o644);
  }
  if (manifest.key === recipe.key) await Promise.all(checkPrograms(join(folder, 'bin'), recipe, signal));
  return manifest;
}

async function firstProblem(folder: string, manifest: Manifest): Promise<string | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd !== undefined) return `${odd.name} is no ordinary file`;
  const found = await describeFiles(folder);
  for (const [path, { sha256 }] of Object.entries(manifest.files)) {
    if (found[path] === undefined) return `${path} is missing`;
    if (found[path].sha256 !== sha256) return `${path} has another checksum than its manifest says`;
  }
  const extra = Object.keys(found).find((path) => manifest.files[path] === undefined);
  return extra === undefined ? null : `${extra} is not in its manifest`;
}

function damaged(file: string, why: string, cause?: unknown): PartsError {
  return new PartsError(
    `${file} can't be imported: ${why}. Nothing was changed.`,
    'Copy it again, or write it again with `lab parts export` on the other machine.',
    { cause },
  );
}

/** Reports how much has passed of how much, and from that how long the rest takes. */
function tellBytes(reporter: Reporter, verb: string, total: number): (bytes: number) => void {
  const started = performance.now();
  return (bytes) => {
    reporter.doing(`${verb} ${Math.round(bytes / 1e6)} of ${Math.round(total / 1e6)} MB`);
    const left = Math.max(0, total - bytes);
    reporter.remaining(((performance.now() - started) * left) / bytes);
  };
}
