import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { findBuild, finishBuild, lockPath, partsFolder, startBuild } from './cache.ts';
import { checkPrograms } from './check.ts';
import { PartsError } from './errors.ts';
import { withLock } from './lock.ts';
import { describeFiles, MANIFEST_NAME, type Manifest, readManifest } from './manifest.ts';
import { type PartsProgress, type Reporter, reporting } from './progress.ts';
import { MODULE_FOLDER, readRecipe } from './recipe.ts';

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
  const names = [MANIFEST_NAME, ...Object.keys(build.manifest.files)];
  const total = totalBytes(build.manifest);
  const partial = `${file}.partial`;
  return reporting(progress, async (reporter) => {
    const count = counter(reporter, 'writing', total);
    try {
      await withTar(
        [
          '--create',
          '--file=-',
          `--directory=${build.dir}`,
          '--owner=0',
          '--group=0',
          '--numeric-owner',
          ...names,
        ],
        signal,
        (tar) =>
          pipeline(
            tar.stdout,
            count,
            createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
            createWriteStream(partial),
            { signal },
          ),
      );
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
  return reporting(progress, (reporter) =>
    withLock(
      lockPath(cacheDir),
      signal,
      (holder) => reporter.doing(`waiting for ${holder ? `process ${holder.pid}` : 'another process'}`),
      async () => {
        const folder = await startBuild(cacheDir);
        try {
          await unpack(file, size, folder, reporter, signal);
          reporter.doing('checking every file');
          const manifest = await verifyUnpacked(file, folder);
          if (manifest.goArch !== recipe.goArch) {
            throw damaged(
              file,
              `its programs are for ${manifest.goArch}, and this machine is ${recipe.goArch}`,
            );
          }
          const usable = manifest.key === recipe.key;
          reporter.doing('checking that every part runs');
          if (usable) await Promise.all(checkPrograms(join(folder, 'bin'), recipe, signal));
          const dir = await finishBuild(cacheDir, folder, manifest.key);
          return { key: manifest.key, dir, versions: manifest.versions, usable };
        } catch (error) {
          await rm(folder, { recursive: true, force: true });
          throw error;
        }
      },
    ),
  );
}

async function unpack(
  file: string,
  size: number,
  folder: string,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const args = ['--extract', '--file=-', `--directory=${folder}`, '--no-same-owner', '--no-same-permissions'];
  try {
    await withTar(args, signal, (tar) =>
      pipeline(
        createReadStream(file),
        counter(reporter, 'reading', size),
        createZstdDecompress(),
        tar.stdin,
        { signal },
      ),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw damaged(file, 'it is cut short, damaged, or no archive of parts', error);
  }
}

/** Compares what was unpacked with its manifest, in both directions, and sets the modes that the manifest says. */
async function verifyUnpacked(file: string, folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  if (manifest === null || !/^[0-9a-f]{16}$/.test(manifest.key))
    throw damaged(file, 'it has no manifest of parts');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd !== undefined) throw damaged(file, `${odd.name} is no ordinary file`);
  const found = await describeFiles(folder);
  for (const [path, { sha256 }] of Object.entries(manifest.files)) {
    if (found[path] === undefined) throw damaged(file, `${path} is missing`);
    if (found[path].sha256 !== sha256)
      throw damaged(file, `${path} has another checksum than its manifest says`);
  }
  const extra = Object.keys(found).find((path) => manifest.files[path] === undefined);
  if (extra !== undefined) throw damaged(file, `${extra} is not in its manifest`);
  for (const [path, { executable }] of Object.entries(manifest.files)) {
    await chmod(join(folder, path), executable ? 0o755 : 0o644);
  }
  return manifest;
}

function damaged(file: string, why: string, cause?: unknown): PartsError {
  return new PartsError(
    `${file} can't be imported: ${why}. Nothing was changed.`,
    'Copy it again, or write it again with `lab parts export` on the other machine.',
    { cause },
  );
}

interface Tar {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
}

/** Runs tar, moves its data with `move`, and rejects with what tar said if it ends badly. */
async function withTar(
  args: readonly string[],
  signal: AbortSignal,
  move: (tar: Tar) => Promise<void>,
): Promise<void> {
  const child = spawn('tar', args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const closed = once(child, 'close');
  const moved = move(child);
  // Both are awaited before either's failure is told: tar's own message explains a broken pipe.
  const [ended, movement] = await Promise.allSettled([closed, moved]);
  signal.throwIfAborted();
  if (ended.status === 'rejected') throw ended.reason;
  const message = Buffer.concat(said).toString().trim();
  if (ended.value[0] !== 0) throw new Error(`tar: ${message || `exit code ${ended.value[0]}`}`);
  if (movement.status === 'rejected') throw movement.reason;
}

/** Passes data through and reports how much of it has come. */
function counter(reporter: Reporter, verb: string, total: number): Transform {
  let bytes = 0;
  const started = performance.now();
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      const share = Math.min(1, bytes / total);
      reporter.doing(`${verb} ${Math.round(bytes / 1e6)} of ${Math.round(total / 1e6)} MB`);
      reporter.remaining(((performance.now() - started) * (1 - share)) / share);
      done(null, chunk);
    },
  });
}

function totalBytes(manifest: Manifest): number {
  return Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);
}
